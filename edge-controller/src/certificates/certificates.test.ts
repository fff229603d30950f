import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import * as tls from 'node:tls'
import * as x509 from '@peculiar/x509'
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRandom as random } from '../random.ts'
import { hashPassword } from '../station/password.ts'
import { connectRaw, type RawSocket, refusal } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { signedBy } from './signed-by.ts'
import { SiteCa } from './site-ca.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const V16 = ['ocpp1.6']
const BOOT = { chargePointVendor: 'Example Power', chargePointModel: 'EP-22' }
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`CP1:${password}`).toString('base64')}`,
})

let folder: string
let ca: SiteCa
let site: TestController
const openCa = (name: string, nowMs = Date.now()) =>
  SiteCa.open({
    folder: join(folder, name),
    siteId: 'site-1',
    hostnames: ['localhost', '127.0.0.1'],
    random,
    now: () => nowMs,
  })

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-ca-'))
  ca = await openCa('ca')
})
afterEach(async () => {
  await site?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function openSite({ organization, crls = [] }: { organization?: string; crls?: string[] } = {}) {
  site = await TestController.start({
    config: { onboarding: 'closed' },
    tls: { own: ca.own, clientCas: [ca.certificate], crls, organization },
    ports: { signer: signedBy(ca, 'site-1', organization) },
  })
}
type Entry = DocumentBody<'stations'>['stations'][number]
const want = (entry: Partial<Entry> = {}) =>
  site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, ...entry }] })

async function request(name: string, signer?: webcrypto.CryptoKeyPair) {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys: signer ? { publicKey: keys.publicKey, privateKey: signer.privateKey } : keys,
    signingAlgorithm: ALGORITHM,
  })
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { csr: csr.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), keys }
}
/** A certificate as a station has it, by a CA. */
async function certificate(by: SiteCa, name = 'CN=CP1,O=Op', names = ['CP1', 'SN-77']) {
  const { csr, key } = await request(name)
  const signed = await signedBy(by, 'site-1', undefined).sign(csr, names)
  if ('refused' in signed) throw new Error(signed.refused)
  return { ca: ca.certificate, cert: signed.chain, key, serialNumber: signed.serialNumber }
}
/** A list of the CA, as an operator makes it with the CA's key. */
async function revocationList(serialNumbers: string[]) {
  const [pkcs8] = x509.PemConverter.decode(readFileSync(join(folder, 'ca', 'ca.key'), 'utf8'))
  const list = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(ca.certificate).subject,
    nextUpdate: new Date(Date.now() + 86_400_000),
    entries: serialNumbers.map((serialNumber) => ({ serialNumber, revocationDate: new Date() })),
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8!, ALGORITHM, true, ['sign']),
    signingAlgorithm: ALGORITHM,
  })
  return x509.PemConverter.encode(list.rawData, 'X509 CRL')
}
const trusting = () => ({ ca: ca.certificate })
const ask = async (socket: RawSocket, action: string, payload: object) => {
  socket.send(JSON.stringify([2, action, action, payload]))
  return (await socket.next())[2]
}

describe('the CA of a site', () => {
  it('is made once, its keys are for their owner only, and the certificate of the controller follows its names', async () => {
    const again = await openCa('ca')
    expect(again.certificate).toBe(ca.certificate)
    expect(again.own).toEqual(ca.own)
    for (const name of ['ca.key', 'server.key', 'server-rsa.key'])
      expect(statSync(join(folder, 'ca', name)).mode & 0o777).toBe(0o600)
    const own = ca.own.map(({ cert }) => new X509Certificate(cert))
    expect(own.map((it) => it.publicKey.asymmetricKeyType)).toEqual(['ec', 'rsa'])
    for (const server of own) {
      expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1')
      expect(server.checkHost('localhost')).toBe('localhost')
      expect(server.verify(new X509Certificate(ca.certificate).publicKey)).toBe(true)
    }
    const later = await openCa('ca', Date.now() + 800 * 86_400_000)
    expect(later.certificate).toBe(ca.certificate)
    for (const [i, { cert }] of later.own.entries()) expect(cert).not.toBe(ca.own[i]!.cert)
  })

  it('signs for the names of the station only, and for who has the key', async () => {
    const { sign } = signedBy(ca, 'site-1', 'Operator')
    const [fits, foreign, elsewhere] = await Promise.all([
      request('CN=SN-77,O=Operator'),
      request('CN=SN-78,O=Operator'),
      request('CN=SN-77,O=Other'),
    ])
    const signed = await sign(fits.csr, ['CP1', 'SN-77'])
    expect(signed).toMatchObject({
      commonName: 'SN-77',
      serialNumber: expect.stringMatching(/^[0-9A-F]{32}$/),
    })
    expect(await sign(foreign.csr, ['CP1', 'SN-77'])).toEqual({
      refused: 'its common name is SN-78, not CP1 or SN-77',
    })
    expect(await sign(elsewhere.csr, ['SN-77'])).toEqual({
      refused: 'its organization is Other, not Operator',
    })
    expect(await sign('nonsense', ['SN-77'])).toMatchObject({ refused: expect.stringContaining('PKCS #10') })
    const stolen = await request('CN=SN-77,O=Operator', foreign.keys)
    expect(await sign(stolen.csr, ['SN-77'])).toEqual({ refused: 'its signature is not of its own key' })
  })
})

/** With which suite and for which kind of key a station of one suite shakes hands; rejects where it is refused. */
async function shakesHands(options: tls.ConnectionOptions) {
  const { hostname, port } = new URL(site.url)
  const socket = tls.connect({ host: hostname, port: Number(port), ca: ca.certificate, ...options })
  await once(socket, 'secureConnect')
  const { version, standardName } = socket.getCipher()
  const kind = socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType
  socket.destroy()
  return { version, standardName, kind }
}

describe('the suites of the TLS port', () => {
  it('are those that OCPP asks for, by the key that the station knows, and TLS 1.3', async () => {
    await openSite()
    const old = (ciphers: string) => shakesHands({ ciphers, maxVersion: 'TLSv1.2' })
    for (const [ciphers, standardName, kind] of [
      ['ECDHE-ECDSA-AES128-GCM-SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ec'],
      ['ECDHE-ECDSA-AES256-GCM-SHA384', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ec'],
      ['AES128-GCM-SHA256', 'TLS_RSA_WITH_AES_128_GCM_SHA256', 'rsa'],
      ['AES256-GCM-SHA384', 'TLS_RSA_WITH_AES_256_GCM_SHA384', 'rsa'],
    ] as const)
      expect(await old(ciphers)).toMatchObject({ standardName, kind })
    for (const [sigalgs, kind] of [
      ['ecdsa_secp256r1_sha256', 'ec'],
      ['rsa_pss_rsae_sha256', 'rsa'],
    ] as const)
      expect(await shakesHands({ minVersion: 'TLSv1.3', sigalgs })).toMatchObject({
        version: 'TLSv1.3',
        kind,
      })
  })

  it('are no others: without authenticated encryption, or without a certificate', async () => {
    await openSite()
    for (const ciphers of [
      'AES128-SHA',
      'ECDHE-ECDSA-AES128-SHA',
      'ECDHE-RSA-AES256-SHA384',
      'ADH-AES128-GCM-SHA256',
    ])
      await expect(shakesHands({ ciphers: `${ciphers}:@SECLEVEL=0`, maxVersion: 'TLSv1.2' })).rejects.toThrow(
        /handshake failure/,
      )
  })
})

describe('security profile 2', () => {
  it('asks for the password within TLS 1.2 or later, and the station never goes back below it but by an operator', async () => {
    await openSite()
    await want({ passwordHash: await hashPassword('s3cret-s3cret', Buffer.alloc(16, 1)) })
    await expect(
      refusal(site.url, 'CP1', V16, {}, { ...trusting(), maxVersion: 'TLSv1.1' }),
    ).rejects.toThrow()
    await expect(refusal(site.url, 'CP1', V16)).rejects.toThrow(/certificate/)
    expect(await refusal(site.url, 'CP1', V16, {}, trusting())).toMatchObject({ status: 401 })
    const socket = await connectRaw(site.url, 'CP1', V16, basic('s3cret-s3cret'), trusting())
    expect(await ask(socket, 'BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
    socket.close()
    expect((await site.factsOf('station.connected'))[0]?.data).toMatchObject({ securityProfile: 2 })

    const plain = { version: '1.6' as const, stationId: 'CP1', rawId: 'CP1', remote: '10.0.0.1' }
    const downgraded = { ...plain, ...basic('s3cret-s3cret') }
    const refused = await site.controller.admit(downgraded)
    expect(refused).toMatchObject({ ok: false, status: 401 })
    await site.restart()
    expect(await site.controller.admit(downgraded)).toEqual(refused)
    const passwordHash = await hashPassword('s3cret-s3cret', Buffer.alloc(16, 1))
    await want({ passwordHash, profileReset: 'r1' })
    expect(await site.controller.admit(downgraded)).toMatchObject({ ok: true, credential: { profile: 1 } })
  })
})

describe('security profile 3', () => {
  it('lets a station in by a certificate of its identity or its serial number, and no other', async () => {
    await openSite()
    await want({ minProfile: 3, certificateCn: 'SN-77' })
    for (const name of ['CN=CP1,O=Op', 'CN=SN-77,O=Op']) {
      const socket = await connectRaw(site.url, 'CP1', V16, {}, await certificate(ca, name))
      expect(await ask(socket, 'BootNotification', BOOT)).toMatchObject({ status: 'Accepted' })
      socket.close()
    }
    await site.until(async () => (await site.factsOf('station.connected')).length === 2)
    expect((await site.factsOf('station.connected'))[0]?.data).toMatchObject({ securityProfile: 3 })
    const other = await certificate(ca, 'CN=CP2', ['CP2'])
    expect(await refusal(site.url, 'CP1', V16, {}, other)).toEqual({
      status: 401,
      reason: 'the certificate is of CP2, not of this identity',
    })
    expect(await refusal(site.url, 'CP1', V16, {}, trusting())).toMatchObject({ status: 401 })
  })

  it('cuts a station off whose certificate bears a name that is not its own any more', async () => {
    await openSite()
    await want({ minProfile: 3, certificateCn: 'SN-77' })
    const socket = await connectRaw(site.url, 'CP1', V16, {}, await certificate(ca, 'CN=SN-77,O=Op'))
    await ask(socket, 'BootNotification', BOOT)
    await want({ minProfile: 3, certificateCn: 'SN-78' })
    expect(await socket.closed).toMatchObject({ code: 1008 })
  })

  it('refuses certificates of another CA, out of their time, and of another organization', async () => {
    await openSite({ organization: 'Op' })
    await want()
    const reasonFor = async (of: object) => (await refusal(site.url, 'CP1', V16, {}, of)).reason
    expect(await reasonFor(await certificate(await openCa('foreign')))).toContain('not valid here')
    const past = await openCa('ca', Date.now() - 400 * 86_400_000)
    expect(await reasonFor(await certificate(past))).toContain('CERT_HAS_EXPIRED')
    expect(await reasonFor(await certificate(ca, 'CN=CP1,O=Other'))).toContain('its organization is not Op')
    await (await connectRaw(site.url, 'CP1', V16, {}, await certificate(ca))).close()
  })

  it('cuts a station off whose certificate is revoked, and lets it in with the next', async () => {
    await openSite()
    await want()
    const [first, next] = [await certificate(ca), await certificate(ca)]
    const socket = await connectRaw(site.url, 'CP1', V16, {}, first)
    await want({ revokedCertificates: [first.serialNumber] })
    expect((await socket.closed).reason).toBe('the certificate of this station was revoked')
    expect(await refusal(site.url, 'CP1', V16, {}, first)).toMatchObject({
      status: 401,
      reason: 'the certificate was revoked',
    })
    ;(await connectRaw(site.url, 'CP1', V16, {}, next)).close()
  })

  it('refuses what a list of the CA revokes', async () => {
    const [revoked, good] = [await certificate(ca), await certificate(ca)]
    await openSite({ crls: [await revocationList([revoked.serialNumber])] })
    await want()
    expect((await refusal(site.url, 'CP1', V16, {}, revoked)).reason).toContain('CERT_REVOKED')
    ;(await connectRaw(site.url, 'CP1', V16, {}, good)).close()
  })
})

describe('SignCertificate', () => {
  it('of 2.x is rejected with the reason where the request is not fit to be signed', async () => {
    await openSite()
    await want()
    const socket = await connectRaw(site.url, 'CP1', ['ocpp2.0.1'], {}, await certificate(ca))
    await ask(socket, 'BootNotification', {
      reason: 'PowerUp',
      chargingStation: { vendorName: 'V', model: 'M' },
    })
    const foreign = (await request('CN=ANOTHER')).csr
    const reasons = [
      [foreign, 'its common name is ANOTHER, not CP1'],
      ['nonsense', 'it is no certificate signing request (PKCS #10)'],
    ]
    for (const [csr, additionalInfo] of reasons)
      expect(await ask(socket, 'SignCertificate', { csr: csr! })).toEqual({
        status: 'Rejected',
        statusInfo: { reasonCode: 'InvalidCSR', additionalInfo },
      })
    const told = await site.until(async () => {
      const facts = await site.factsOf('station.certificate')
      return facts.length === reasons.length && facts
    })
    expect(told.map(({ data }) => [data.outcome, data.reason])).toEqual(
      reasons.map(([, reason]) => ['refused', reason]),
    )
    socket.close()
  })

  it('brings a station from a password to a certificate of its own, which it comes back with', async () => {
    await openSite()
    const passwordHash = await hashPassword('s3cret-s3cret', Buffer.alloc(16, 1))
    await want({ passwordHash })
    const socket = await connectRaw(site.url, 'CP1', V16, basic('s3cret-s3cret'), trusting())
    await ask(socket, 'BootNotification', BOOT)
    const { csr, key } = await request('CN=CP1,O=Op')
    expect(await ask(socket, 'SignCertificate', { csr })).toEqual({ status: 'Accepted' })
    const [, id, action, payload] = (await socket.next()) as [2, string, string, { certificateChain: string }]
    expect(action).toBe('CertificateSigned')
    socket.send(JSON.stringify([3, id, { status: 'Accepted' }]))
    const told = await site.until(async () => (await site.factsOf('station.certificate'))[0])
    expect(told.data).toMatchObject({ outcome: 'accepted', commonName: 'CP1' })
    socket.close()
    const mine = { ca: ca.certificate, cert: payload.certificateChain, key }
    const renewed = await connectRaw(site.url, 'CP1', V16, {}, mine)
    await site.until(async () => (await site.factsOf('station.connected'))[1]?.data.securityProfile === 3)
    // It has proved it: there is no way back to the password alone.
    expect(await refusal(site.url, 'CP1', V16, basic('s3cret-s3cret'), trusting())).toMatchObject({
      status: 401,
    })

    const wrong = await request('CN=ANOTHER')
    expect(await ask(renewed, 'SignCertificate', { csr: wrong.csr })).toEqual({ status: 'Rejected' })
    const refused = await site.until(async () => (await site.factsOf('station.certificate'))[1])
    expect(refused.data).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('ANOTHER') })
    renewed.close()
  })
})
