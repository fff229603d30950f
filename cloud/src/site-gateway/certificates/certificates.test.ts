/** Questions of stations about certificates, over MQTT, with a certificate service and an OCSP responder on loopback. */
import 'reflect-metadata'
import { createHash, webcrypto } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as x509 from '@peculiar/x509'
import type { CertificateReply, StatusQuestion } from '@switchyard/protocol/site/certificate-question.ts'
import { Enumerated, fromBER, OctetString, Primitive } from 'asn1js'
import * as pkijs from 'pkijs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestClock } from '../../platform/testing.ts'
import { startTestGateway, type TestGateway, TestSite } from '../testing.ts'
import { createOcsp, MAX_KEPT_MS } from './ocsp.ts'
import { isPublicAddress, MAX_OUTSIDE_BYTES } from './outside-request.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const NOW = Date.parse('2026-11-23T12:00:00Z')
const HOUR_MS = 3_600_000

/** A server on a free port of loopback. */
async function serve(handle: (body: Buffer, response: ServerResponse, request: IncomingMessage) => void) {
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => handle(Buffer.concat(parts), response, request))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close }
}

interface Responder {
  url: string
  asked: string[]
  /** How long its answers are valid; undefined: it does not say. */
  validMs: number | undefined
  status: number
  close(): Promise<void>
}

/** A CA, a certificate of it, and a responder that knows which ones are revoked. */
async function openCa() {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const dates = { notBefore: new Date(NOW - HOUR_MS), notAfter: new Date(NOW + 1_000 * HOUR_MS) }
  const common = { ...dates, signingAlgorithm: ALGORITHM }
  const root = await x509.X509CertificateGenerator.createSelfSigned({ ...common, name: 'CN=V2G Root', keys })
  const leafKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const leaf = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: 'c0ffee01',
    subject: 'CN=DE8AA1A2B3C4D5',
    issuer: root.subject,
    publicKey: leafKeys.publicKey,
    signingKey: keys.privateKey,
  })
  const issuer = pkijs.Certificate.fromBER(root.rawData)
  const hash = (data: ArrayBuffer | Uint8Array) =>
    createHash('sha256').update(new Uint8Array(data)).digest('hex')

  const responder: Responder = {
    url: '',
    asked: [],
    validMs: HOUR_MS,
    status: 0,
    async close() {},
  }
  async function answer(request: Buffer): Promise<Buffer> {
    const wanted = pkijs.OCSPRequest.fromBER(request).tbsRequest.requestList[0]!.reqCert
    const serial = Buffer.from(wanted.serialNumber.valueBlock.valueHexView).toString('hex')
    responder.asked.push(serial)
    const basic = new pkijs.BasicOCSPResponse()
    basic.tbsResponseData.responderID = issuer.subject
    basic.tbsResponseData.producedAt = new Date(NOW)
    const single = new pkijs.SingleResponse({ certID: wanted, thisUpdate: new Date(NOW) })
    if (responder.validMs !== undefined) single.nextUpdate = new Date(NOW + responder.validMs)
    single.certStatus = new Primitive({ idBlock: { tagClass: 3, tagNumber: 0 }, lenBlock: { length: 1 } })
    basic.tbsResponseData.responses = [single]
    await basic.sign(keys.privateKey as webcrypto.CryptoKey, 'SHA-256')
    const response = new pkijs.OCSPResponse()
    response.responseStatus = new Enumerated({ value: responder.status })
    response.responseBytes = new pkijs.ResponseBytes({
      responseType: '1.3.6.1.5.5.7.48.1.1',
      response: new OctetString({ valueHex: basic.toSchema().toBER(false) }),
    })
    return Buffer.from(response.toSchema().toBER(false))
  }
  const server = await serve((body, response, { headers }) => {
    if (headers['content-type'] !== 'application/ocsp-request') return void response.writeHead(415).end()
    void answer(body).then((it) => response.end(it))
  })
  Object.assign(responder, server)
  const question: StatusQuestion = {
    kind: 'status',
    hashAlgorithm: 'SHA256',
    issuerNameHash: hash(issuer.subject.toSchema().toBER(false)),
    issuerKeyHash: hash(issuer.subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView),
    serialNumber: leaf.serialNumber,
    responderUrl: server.url,
  }
  return { responder, question, issuer }
}

let ca: Awaited<ReturnType<typeof openCa>>
beforeAll(async () => {
  ca = await openCa()
})
afterAll(() => ca?.responder.close())
beforeEach(() => {
  Object.assign(ca.responder, { asked: [], validMs: HOUR_MS, status: 0 })
})

describe('the status of a certificate (M06)', () => {
  const clockAt = (nowMs: number) => ({ nowMs, now: () => nowMs })

  it('is what its responder says, signed, about this certificate, and is kept while it is valid', async () => {
    const clock = { nowMs: NOW, now: () => clock.nowMs }
    const ask = createOcsp(clock, true)
    const reply = await ask(ca.question)
    if (!('ocspResult' in reply)) throw new Error(JSON.stringify(reply))
    const response = pkijs.OCSPResponse.fromBER(Buffer.from(reply.ocspResult, 'base64'))
    const basic = pkijs.BasicOCSPResponse.fromBER(response.responseBytes!.response.valueBlock.valueHexView)
    const signed = await webcrypto.subtle.verify(
      ALGORITHM,
      await webcrypto.subtle.importKey(
        'spki',
        ca.issuer.subjectPublicKeyInfo.toSchema().toBER(false),
        ALGORITHM,
        false,
        ['verify'],
      ),
      Buffer.from(
        pkijs.createECDSASignatureFromCMS(
          // DER to the two numbers that WebCrypto takes.
          fromBER(basic.signature.valueBlock.valueHexView).result,
          32,
        ),
      ),
      basic.tbsResponseData.tbsView,
    )
    expect(signed).toBe(true)
    // The high bit of the number is set: it goes out as a positive one.
    expect(ca.responder.asked).toEqual(['00c0ffee01'])
    expect(await ask(ca.question)).toEqual(reply)
    expect(ca.responder.asked).toHaveLength(1)
    clock.nowMs += HOUR_MS - 1
    await ask(ca.question)
    expect(ca.responder.asked).toHaveLength(1)
    ca.responder.validMs = 3 * HOUR_MS
    clock.nowMs += 1
    await ask(ca.question)
    expect(ca.responder.asked).toHaveLength(2)
  })

  it('is not kept without an end, nor for longer than a day', async () => {
    const clock = { nowMs: NOW, now: () => clock.nowMs }
    const ask = createOcsp(clock, true)
    ca.responder.validMs = undefined
    await ask(ca.question)
    await ask(ca.question)
    expect(ca.responder.asked).toHaveLength(2)
    ca.responder.validMs = 1_000 * HOUR_MS
    await ask(ca.question)
    clock.nowMs += MAX_KEPT_MS
    await ask(ca.question)
    expect(ca.responder.asked).toHaveLength(4)
  })

  it('of another responder is never given for this one', async () => {
    const ask = createOcsp(clockAt(NOW), true)
    await ask(ca.question)
    await ask({ ...ca.question, responderUrl: `${ca.question.responderUrl}other` })
    expect(ca.responder.asked).toHaveLength(2)
  })

  it.each([
    ['out of date', { validMs: 0 }, 'out of date'],
    ['a refusal', { status: 6 }, 'OCSPResponseStatus 6'],
  ])('is none when the answer is %s', async (_, responder, reason) => {
    Object.assign(ca.responder, responder)
    expect(await createOcsp(clockAt(NOW), true)(ca.question)).toMatchObject({
      code: 'NoStatus',
      failed: expect.stringContaining(reason),
    })
  })

  it('is none when the responder answers nonsense, too much, or about another certificate', async () => {
    let body: Buffer = Buffer.from('nonsense')
    const server = await serve((_, response) => void response.end(body))
    try {
      const ask = createOcsp(clockAt(NOW), true)
      const why = async () =>
        ((await ask({ ...ca.question, responderUrl: server.url })) as { failed: string }).failed
      expect(await why()).toContain('no OCSP response')
      body = Buffer.alloc(MAX_OUTSIDE_BYTES + 1)
      expect(await why()).toContain('larger than')
      const about = await createOcsp(clockAt(NOW), true)({ ...ca.question, serialNumber: '02' })
      body = Buffer.from((about as { ocspResult: string }).ocspResult, 'base64')
      expect(await why()).toContain('another certificate')
    } finally {
      await server.close()
    }
  })

  it('is not asked of private addresses, by name or number, unless that is allowed; no redirect is followed', async () => {
    const ask = createOcsp(clockAt(NOW), false)
    const { port } = new URL(ca.question.responderUrl)
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]'])
      expect(await ask({ ...ca.question, responderUrl: `http://${host}:${port}/` }), host).toMatchObject({
        failed: expect.stringContaining('no public address'),
      })
    expect(await ask({ ...ca.question, responderUrl: 'file:///etc/passwd' })).toMatchObject({
      failed: expect.stringContaining('not http or https'),
    })
    const redirect = await serve(
      (_, response) => void response.writeHead(307, { location: ca.question.responderUrl }).end(),
    )
    const redirected = { ...ca.question, responderUrl: redirect.url }
    expect(await createOcsp(clockAt(NOW), true)(redirected)).toMatchObject({
      failed: expect.stringContaining('it answered 307'),
    })
    await redirect.close()
    expect(ca.responder.asked).toEqual([])
  })

  it.each([
    ['8.8.8.8', true],
    ['2606:4700::1111', true],
    ['10.1.2.3', false],
    ['172.31.0.1', false],
    ['192.168.1.1', false],
    ['169.254.169.254', false],
    ['100.64.0.1', false],
    ['fd00::1', false],
    ['fe80::1', false],
    ['64:ff9b::a00:1', false],
    ['2002:a00:1::', false],
  ])('%s is public: %s', (address, isPublic) => {
    expect(isPublicAddress(address)).toBe(isPublic)
  })
})

describe('the questions of a site', () => {
  let gateway: TestGateway
  let site: TestSite
  let service: Awaited<ReturnType<typeof serve>>
  let answers: (question: Record<string, unknown>) => [number, string]
  const asked: Record<string, unknown>[] = []
  let n = 0
  const contract = {
    kind: 'contract',
    iso15118SchemaVersion: 'urn:iso:15118:2:2013:MsgDef',
    action: 'Install',
    exiRequest: 'gJgC',
    maximumContractCertificateChains: 2,
    prioritizedEMAIDs: ['DE8AA1A2B3C4D5'],
  }

  beforeAll(async () => {
    service = await serve((body, response) => {
      const question = JSON.parse(body.toString())
      asked.push(question)
      const [status, text] = answers(question)
      response.writeHead(status).end(text)
    })
    const env = { CONTRACT_CERTIFICATE_URL: service.url, OCSP_PRIVATE_ADDRESSES: 'true' }
    gateway = await startTestGateway({ env, clock: createTestClock(NOW) })
    site = await TestSite.connect(gateway, await gateway.credential('certs'))
    await site.hello('n')
  })
  afterAll(async () => {
    await site?.end()
    await gateway?.close()
    await service?.close()
  })
  async function ask(certificates: object): Promise<CertificateReply> {
    const id = `q${n++}`
    await site.publish('ask', JSON.stringify({ v: 1, nonce: 'n', id, stationId: 'CS1', certificates }), 0)
    const answer = await site.next('answer', (it) => it.id === id)
    expect(answer.nonce).toBe('n')
    return answer.certificates as CertificateReply
  }

  it('about contracts go to the service as they were asked, and its answer comes back', async () => {
    answers = () => [200, JSON.stringify({ status: 'Accepted', exiResponse: 'gJiC', remainingContracts: 1 })]
    expect(await ask(contract)).toEqual({ exiResponse: 'gJiC', remainingContracts: 1 })
    const { kind: _, ...sent } = contract
    expect(asked.at(-1)).toEqual(sent)
  })

  it('are answered with why there is no certificate', async () => {
    answers = () => [
      200,
      JSON.stringify({ status: 'Failed', exiResponse: 'gJiD', reason: 'no contract of this car' }),
    ]
    expect(await ask(contract)).toEqual({
      code: 'Refused',
      failed: 'no contract of this car',
      failedExiResponse: 'gJiD',
    })
    answers = () => [503, '']
    expect(await ask(contract)).toMatchObject({
      code: 'ServiceFailed',
      failed: expect.stringContaining('it answered 503'),
    })
    answers = () => [200, '{"status":"Perhaps"}']
    expect(await ask(contract)).toMatchObject({ failed: expect.stringContaining('cannot be read') })
  })

  it('about a status go to the responder', async () => {
    expect(await ask(ca.question)).toHaveProperty('ocspResult')
    expect(ca.responder.asked).toEqual(['00c0ffee01'])
  })
})
