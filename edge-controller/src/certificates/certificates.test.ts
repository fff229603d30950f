import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'
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
    tls: { ...ca.server, clientCas: [ca.certificate], crls, organization },
    ports: { signCertificate: signedBy(ca, 'site-1', organization) },
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
  const signed = await signedBy(by, 'site-1', undefined)(csr, names)
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
    expect(again.server).toEqual(ca.server)
    for (const name of ['ca.key', 'server.key'])
      expect(statSync(join(folder, 'ca', name)).mode & 0o777).toBe(0o600)
    const server = new X509Certificate(ca.server.cert)
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(server.checkHost('localhost')).toBe('localhost')
    expect(server.verify(new X509Certificate(ca.certificate).publicKey)).toBe(true)
    const later = await openCa('ca', Date.now() + 800 * 86_400_000)
    expect(later.certificate).toBe(ca.certificate)
    expect(later.server.cert).not.toBe(ca.server.cert)
  })

  it('signs for the names of the station only, and for who has the key', async () => {
    const sign = signedBy(ca, 'site-1', 'Operator')
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
    expect(await ask(renewed, 'SignCertificate', { csr: wrong.csr })).toEqual({ status: 'Accepted' })
    const refused = await site.until(async () => (await site.factsOf('station.certificate'))[1])
    expect(refused.data).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('ANOTHER') })
    renewed.close()
  })
})
