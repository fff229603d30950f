/** Certificates and security profiles of a station changed in one command, over real TLS: what it came with is taken until a connection has proved the new one. */
import 'reflect-metadata'
import { createHash, createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { certificateId } from '@switchyard/protocol/certificates/certificate-id.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { signedBy } from '../../certificates/signed-by.ts'
import { SiteCa, STATION_DAYS } from '../../certificates/site-ca.ts'
import type { CommandResult } from '../../execute.ts'
import { systemRandom as random } from '../../random.ts'
import { hashPassword } from '../../station/password.ts'
import { connectRaw, type RawSocket, refusal } from '../../testing/charge-point.ts'
import { TestController } from '../../testing/test-controller.ts'
import { listenOcpp, type OcppServer } from '../server.ts'
import { RENEW_EVERY_MS } from './changes.ts'
import { MAX_TRIGGERS } from './rotate-certificate.ts'

const DAY_MS = 86_400_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const PASSWORD = 'a-password-of-16+'
const basic = { authorization: `Basic ${Buffer.from(`CP1:${PASSWORD}`).toString('base64')}` }
type Tls = { ca: string; cert?: string; key?: string }
type Handler = (payload: JsonObject) => object

let folder: string
let ca: SiteCa
let site: TestController
let plain: OcppServer
let passwordHash: string
/** What is signed now ends so much earlier. */
let caIsBehindMs = 0

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-changes-'))
  const [hostnames, now] = [['localhost', '127.0.0.1'], () => Date.now() - caIsBehindMs]
  ca = await SiteCa.open({ folder, siteId: 'site-1', hostnames, random, now })
  passwordHash = await hashPassword(PASSWORD, new Uint8Array(16))
  site = await TestController.start({
    at: new Date().toISOString(),
    tls: { own: ca.own, clientCas: [ca.certificate], crls: [], organization: undefined },
    ports: {
      signer: signedBy(ca, 'site-1', undefined),
      security: {
        signs: true,
        renewBeforeMs: 30 * DAY_MS,
        root: ca.certificate,
        url: () => 'wss://127.0.0.1:9443/ocpp/',
      },
    },
  })
  const { controller, clock } = site
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  plain = await listenOcpp({
    host: '127.0.0.1',
    port: 0,
    maxConnections: 10,
    versions: ['1.6', '2.0.1'],
    clock,
    log,
    admit: controller.admit,
    accept: controller.accept,
  })
  await want()
})
afterEach(async () => {
  caIsBehindMs = 0
  station?.socket.close()
  await site.stop()
  await plain.close()
  rmSync(folder, { recursive: true, force: true })
})
const want = (more: Partial<DocumentBody<'stations'>['stations'][number]> = {}) =>
  site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, passwordHash, ...more }] })

/** A station that makes keys and asks for certificates when it is triggered. */
class Station {
  readonly socket: RawSocket
  readonly heard: [string, JsonObject][] = []
  /** What it would come with next. */
  next: Tls = { ca: ca.certificate }
  signs = true
  /** Of every request: an answer may come when the next one was made. */
  readonly #keys: string[] = []
  readonly handlers: Record<string, Handler>
  readonly #answers = new Map<string, (payload: JsonObject) => void>()

  private constructor(socket: RawSocket, handlers: Record<string, Handler>) {
    this.socket = socket
    const trigger: Handler = () => {
      if (this.signs) setTimeout(() => void this.askForCertificate(), 1)
      return { status: 'Accepted' }
    }
    this.handlers = {
      TriggerMessage: trigger,
      ExtendedTriggerMessage: trigger,
      CertificateSigned: ({ certificateChain }) => {
        const cert = certificateChain as string
        const key = this.#keys.find((it) => new X509Certificate(cert).checkPrivateKey(createPrivateKey(it)))
        this.next = { ca: ca.certificate, cert, key: key ?? '' }
        return { status: 'Accepted' }
      },
      ...handlers,
    }
    void this.#read()
  }

  static async connect(tls: Tls | undefined, protocol: string, handlers: Record<string, Handler> = {}) {
    const headers = tls?.cert === undefined ? basic : {}
    const socket = await connectRaw(tls ? site.url : plain.url, 'CP1', [protocol], headers, tls ?? {})
    const made = new Station(socket, handlers)
    await made.call('BootNotification', protocol === 'ocpp1.6' ? BOOT_16 : BOOT_2)
    return made
  }

  call(action: string, payload: object): Promise<JsonObject> {
    const id = `${action}-${this.#answers.size}`
    this.socket.send(JSON.stringify([2, id, action, payload]))
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }

  async askForCertificate(name = 'CN=CP1,O=Op'): Promise<void> {
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    const csr = await x509.Pkcs10CertificateRequestGenerator.create({
      name,
      keys,
      signingAlgorithm: ALGORITHM,
    })
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
    this.#keys.push(x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'))
    await this.call('SignCertificate', { csr: csr.toString('pem') })
  }

  async #read(): Promise<void> {
    for (;;) {
      const [type, id, ...rest] = (await this.socket.next()) as [number, string, ...unknown[]]
      if (type === 3) this.#answers.get(id)?.(rest[0] as JsonObject)
      if (type !== 2) continue
      const [action, payload] = rest as [string, JsonObject]
      this.heard.push([action, payload])
      const handler = this.handlers[action]
      const answer = handler ? [3, id, handler(payload)] : [4, id, 'NotImplemented', '', {}]
      this.socket.send(JSON.stringify(answer))
    }
  }

  actions(): string[] {
    return this.heard.map(([action]) => action)
  }
}
const BOOT_16 = { chargePointVendor: 'V', chargePointModel: 'M' }
const BOOT_2 = { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }

let station: Station
const come = async (tls: Tls | undefined, protocol = 'ocpp1.6', handlers?: Record<string, Handler>) => {
  station = await Station.connect(tls, protocol, handlers)
  return station
}
const leave = async () => {
  station.socket.close()
  await station.socket.closed
  await site.until(() => !site.controller.live().find((it) => it.stationId === 'CP1')?.connected)
}
function change(kind: string, args: JsonObject = {}, remainingMs = 3_600_000): Promise<CommandResult> {
  const [issuedAt, expiresAt] = ['2026-11-23T12:00:00Z', '2026-11-23T13:00:00Z']
  return site.controller.execute(
    { id: `${kind}-1`, stationId: 'CP1', kind, args, issuedAt, expiresAt },
    remainingMs,
  )
}
/** The clock goes on until that has come: a second in 5 ms, so that the minute for a certificate lasts 0.3 s. */
async function within<T>(what: Promise<T> | (() => unknown)): Promise<T> {
  let done = false
  const result = typeof what === 'function' ? undefined : what.finally(() => (done = true))
  for (let turns = 0; turns < 8_000; turns++) {
    if (typeof what === 'function' ? await what() : done) return result as Promise<T>
    site.clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('what was waited for did not come')
}
const reasonFor = async (tls: Tls) => (await refusal(site.url, 'CP1', ['ocpp1.6'], {}, tls)).reason

/** Brings the station to profile 3. */
async function certified(): Promise<Tls> {
  await come({ ca: ca.certificate })
  const result = await within(change('RotateCertificate'))
  expect(result).toMatchObject({ status: 'accepted', reply: { proved: false } })
  const mine = station.next
  await leave()
  await come(mine)
  return mine
}

describe('RotateCertificate', () => {
  it.each(['ocpp1.6', 'ocpp2.0.1'])(
    'of %s: the certificate before is taken until a connection came with the new one',
    async (protocol) => {
      const first = await certified()
      await leave()
      await come(first, protocol)
      const result = site.controller.execute(
        { id: 'c2', stationId: 'CP1', kind: 'RotateCertificate', args: {}, issuedAt: '', expiresAt: '' },
        3_600_000,
      )
      await within(() => station.next.cert !== undefined)
      const { next: second } = station
      await leave()
      // It comes with the one before, and is let in.
      await come(first, protocol)
      await leave()
      await come(second, protocol)
      expect(await within(result)).toMatchObject({ status: 'accepted', reply: { proved: true } })
      expect(await reasonFor(first)).toContain('gave way to a newer one')
      await site.restart()
      expect(await reasonFor(first)).toContain('gave way to a newer one')
      const proofs = await site.factsOf('station.certificate-proved')
      expect(proofs.map((it) => it.data.superseded !== undefined)).toEqual([false, true])
      await come(second, protocol)
    },
  )

  it('waits for the proof of a station that goes away as soon as it has the certificate', async () => {
    const first = await certified()
    await leave()
    await come(first)
    const { CertificateSigned } = station.handlers
    station.handlers.CertificateSigned = (payload) => {
      setTimeout(() => station.socket.close(), 0)
      return CertificateSigned!(payload)
    }
    const result = site.controller.execute(
      { id: 'c2', stationId: 'CP1', kind: 'RotateCertificate', args: {}, issuedAt: '', expiresAt: '' },
      3_600_000,
    )
    await within(async () => station.next.cert !== undefined && !site.controller.live()[0]?.connected)
    for (let s = 0; s < 30; s++) site.clock.advance(1_000)
    await come(station.next)
    expect(await within(result)).toMatchObject({ status: 'accepted', reply: { proved: true } })
  })

  it('ends after a few triggers when the station asks for nothing, and at once when its request is unfit', async () => {
    const mine = await certified()
    station.signs = false
    const again = (id: string) =>
      within(
        site.controller.execute(
          { id, stationId: 'CP1', kind: 'RotateCertificate', args: {}, issuedAt: '', expiresAt: '' },
          3_600_000,
        ),
      )
    expect(await again('c2')).toMatchObject({ status: 'failed', error: { code: 'NotIssued' } })
    expect(station.actions()).toEqual(Array(MAX_TRIGGERS).fill('ExtendedTriggerMessage'))
    station.handlers.ExtendedTriggerMessage = () => {
      setTimeout(() => void station.askForCertificate('CN=SOMEBODY'), 1)
      return { status: 'Accepted' }
    }
    const refused = await again('c3')
    expect(refused.error).toMatchObject({
      code: 'NotIssued',
      description: expect.stringContaining('SOMEBODY'),
    })
    expect(station.actions()).toHaveLength(MAX_TRIGGERS + 1)
    await leave()
    await come(mine)
  })

  it('happens by itself before a certificate ends, once a day until it has come to that', async () => {
    caIsBehindMs = (STATION_DAYS - 29) * DAY_MS
    await certified()
    station.signs = false
    const failures = () => site.factsOf('station.certificate-not-renewed')
    await within(async () => (await failures()).length === 1)
    expect((await failures())[0]!.data.reason).toContain('NotIssued')
    expect(station.actions()).toHaveLength(MAX_TRIGGERS)
    station.signs = true
    caIsBehindMs = 0
    site.clock.advance(RENEW_EVERY_MS)
    await within(() => station.next.cert !== undefined)
    await leave()
    await come(station.next)
    await site.until(async () => (await site.factsOf('station.certificate-proved')).length === 2)
  })
})

describe('UpgradeSecurityProfile', () => {
  const roots = { GetInstalledCertificateIds: () => ({ status: 'NotFound' }) as object }
  /** As 2.x tells it: the root by its hashes, in a chain. */
  const found = (certificateHashData: object) => ({
    GetInstalledCertificateIds: () => ({
      status: 'Accepted',
      certificateHashDataChain: [{ certificateType: 'CSMSRootCertificate', certificateHashData }],
    }),
  })
  const rootId = () => {
    const { raw } = new X509Certificate(ca.certificate)
    return certificateId(raw, raw)
  }

  it('of 1.6: is refused without a root certificate, which may be installed with it; there is no way back after it', async () => {
    const told: Record<string, Handler> = {
      ...roots,
      InstallCertificate: () => ({ status: 'Accepted' }),
      ChangeConfiguration: () => ({ status: 'Accepted' }),
    }
    await come(undefined, 'ocpp1.6', told)
    expect(await within(change('UpgradeSecurityProfile', { profile: 2 }))).toMatchObject({
      status: 'failed',
      error: { code: 'NoRootCertificate' },
    })
    const result = change('UpgradeSecurityProfile', { profile: 2, installRoot: true })
    await within(() => station.actions().includes('ChangeConfiguration'))
    expect(station.heard.slice(-2)).toEqual([
      [
        'InstallCertificate',
        { certificateType: 'CentralSystemRootCertificate', certificate: ca.certificate },
      ],
      ['ChangeConfiguration', { key: 'SecurityProfile', value: '2' }],
    ])
    await leave()
    // A station that could not goes on with what it had.
    await come(undefined, 'ocpp1.6', told)
    await leave()
    await come({ ca: ca.certificate }, 'ocpp1.6', told)
    expect(await within(result)).toEqual({
      status: 'accepted',
      reply: { status: 'Accepted', securityProfile: 2 },
    })
    expect((await refusal(plain.url, 'CP1', ['ocpp1.6'], basic)).status).toBe(401)
    await want({ profileReset: 'an operator' })
    await leave()
    await come(undefined, 'ocpp1.6', told)
  })

  it('of 2.x: the profile before stays the next choice, and is put back when the station comes with it again', async () => {
    let priority = '1,3'
    const told: Record<string, Handler> = {
      ...found(await rootId()),
      GetVariables: ({ getVariableData }) => ({
        getVariableResult: (getVariableData as object[]).map((it) => ({
          ...it,
          attributeStatus: 'Accepted',
          attributeValue: priority,
        })),
      }),
      SetNetworkProfile: () => ({ status: 'Accepted' }),
      SetVariables: ({ setVariableData }) => {
        const [{ component, variable, attributeValue }] = setVariableData as [Record<string, string>]
        priority = attributeValue!
        return { setVariableResult: [{ component, variable, attributeStatus: 'RebootRequired' }] }
      },
      Reset: () => ({ status: 'Accepted' }),
    }
    await come(undefined, 'ocpp2.0.1', told)
    const result = change('UpgradeSecurityProfile', { profile: 2 })
    await within(() => station.actions().includes('Reset'))
    expect(priority).toBe('2,1,3')
    expect(station.heard.find(([action]) => action === 'SetNetworkProfile')?.[1]).toMatchObject({
      configurationSlot: 2,
      connectionData: {
        securityProfile: 2,
        ocppCsmsUrl: 'wss://127.0.0.1:9443/ocpp/',
        ocppVersion: 'OCPP20',
      },
    })
    await leave()
    await come(undefined, 'ocpp2.0.1', told)
    expect(await within(result)).toMatchObject({ status: 'failed', error: { code: 'NotProved' } })
    expect(priority).toBe('1,3')

    const again = change('UpgradeSecurityProfile', { profile: 2 })
    await within(() => station.actions().includes('Reset'))
    await leave()
    await come({ ca: ca.certificate }, 'ocpp2.0.1', told)
    expect(await within(again)).toMatchObject({ status: 'accepted', reply: { securityProfile: 2 } })
  })

  it('is refused where every root of the station is of another CA, also of one with the same name', async () => {
    const others = await SiteCa.open({
      folder: join(folder, 'others'),
      ...{ siteId: 'site-1', hostnames: ['localhost'], random, now: Date.now },
    })
    const { raw } = new X509Certificate(others.certificate)
    const [own, foreign] = [await rootId(), await certificateId(raw, raw)]
    expect(foreign.issuerNameHash).toBe(own.issuerNameHash)
    let told: object = foreign
    const lists = { GetInstalledCertificateIds: () => found(told).GetInstalledCertificateIds() }
    await come(undefined, 'ocpp2.0.1', { ...lists, GetVariables: () => ({ getVariableResult: [] }) })
    for (told of [
      foreign,
      { ...own, serialNumber: '01' },
      { ...own, issuerKeyHash: foreign.issuerKeyHash },
      { hashAlgorithm: 'MD5' },
    ]) {
      const result = await within(change('UpgradeSecurityProfile', { profile: 2 }))
      expect(result.error).toMatchObject({
        code: 'NoRootCertificate',
        description: expect.stringContaining("none of the site's CA"),
      })
    }
    // Upper case, and a zero before it, are the same number; the key may have been hashed with what says of which kind it is.
    const spki = new X509Certificate(ca.certificate).publicKey.export({ type: 'spki', format: 'der' })
    const issuerKeyHash = createHash('sha256').update(spki).digest('hex')
    told = { ...own, serialNumber: `00${own.serialNumber.toUpperCase()}`, issuerKeyHash }
    void change('UpgradeSecurityProfile', { profile: 2 })
    await within(() => station.actions().includes('GetVariables'))
  })

  it('says what is missing before anything is sent', async () => {
    await come({ ca: ca.certificate }, 'ocpp1.6')
    expect((await within(change('UpgradeSecurityProfile', { profile: 3 }))).error?.code).toBe('NoCertificate')
    expect(station.heard).toEqual([])
  })
})
