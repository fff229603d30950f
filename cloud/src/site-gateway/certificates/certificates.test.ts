/** Questions of stations about certificates, over MQTT, with a certificate service and an OCSP responder on loopback. */
import { webcrypto } from 'node:crypto'
import {
  ALGORITHM,
  hashesOf,
  issue,
  openResponder,
  serve,
} from '@switchyard/protocol/certificates/testing/authority.ts'
import { openV2gCa, requestFor, type V2gCa } from '@switchyard/protocol/certificates/testing/v2g-ca.ts'
import {
  type CertificateReply,
  MAX_CRL_BYTES,
  type SignQuestion,
  type StatusQuestion,
} from '@switchyard/protocol/site/certificate-question.ts'
import { fromBER } from 'asn1js'
import * as pkijs from 'pkijs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestClock } from '../../platform/testing.ts'
import { startTestGateway, type TestGateway, TestSite } from '../testing.ts'
import { createOcsp, MAX_KEPT_MS } from './ocsp.ts'
import { isPublicAddress, MAX_OUTSIDE_BYTES } from './outside-request.ts'
import { fetchList } from './revocation-list.ts'
import { askToSign } from './v2g-ca.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const HOUR_MS = 3_600_000

/** A CA, a certificate of it, and a responder. */
async function openCa() {
  const root = await issue('V2G Root', undefined)
  const leaf = await issue('DE8AA1A2B3C4D5', root, { ca: false, serialNumber: 'c0ffee01' })
  const responder = await openResponder([root], () => NOW)
  const question: StatusQuestion = { kind: 'status', ...hashesOf(leaf, root), responderUrl: responder.url }
  return { responder, question, issuer: pkijs.Certificate.fromBER(root.certificate.rawData) }
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
  let v2gCa: V2gCa
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
    v2gCa = await openV2gCa()
    const env = {
      CONTRACT_CERTIFICATE_URL: service.url,
      V2G_CA_URL: v2gCa.url,
      OCSP_PRIVATE_ADDRESSES: 'true',
    }
    gateway = await startTestGateway({ env, clock: createTestClock(NOW) })
    site = await TestSite.connect(gateway, await gateway.credential('certs'))
    await site.hello('n')
  })
  afterAll(async () => {
    await site?.end()
    await gateway?.close()
    await service?.close()
    await v2gCa?.close()
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

  it('about a certificate for cars go to the V2G CA, with who asks', async () => {
    const sign = { kind: 'sign', certificateType: 'V2GCertificate', csr: await requestFor('DE*ICE*S1') }
    expect(await ask(sign)).toEqual({ certificateChain: expect.stringContaining(v2gCa.sub.pem) })
    const { kind: _, ...sent } = sign
    expect(v2gCa.asked).toEqual([{ siteId: 'certs', stationId: 'CS1', ...sent }])
    v2gCa.answer = { status: 200, body: '{"status":"Rejected","reason":"not this name"}' }
    expect(await ask(sign)).toEqual({ code: 'Refused', failed: 'not this name' })
    v2gCa.answer = { status: 500, body: '' }
    expect(await ask(sign)).toMatchObject({
      code: 'ServiceFailed',
      failed: expect.stringContaining('it answered 500'),
    })
    v2gCa.answer = { status: 200, body: 'PEM' }
    expect(await ask(sign)).toMatchObject({ failed: expect.stringContaining('cannot be read') })
    expect(await askToSign(undefined, { siteId: 's', stationId: 'c' }, sign as SignQuestion)).toMatchObject({
      code: 'NoV2GCA',
    })
  })

  it('about a list of revoked certificates fetch it, up to its bound', async () => {
    let list = Buffer.alloc(MAX_CRL_BYTES, 7)
    const server = await serve((_, response) => void response.end(list))
    try {
      expect(await ask({ kind: 'crl', url: server.url })).toEqual({ crl: list.toString('base64') })
      list = Buffer.alloc(MAX_CRL_BYTES + 1)
      expect(await ask({ kind: 'crl', url: server.url })).toMatchObject({
        code: 'NoStatus',
        failed: expect.stringContaining('larger than'),
      })
      expect(await fetchList({ kind: 'crl', url: server.url }, false)).toMatchObject({
        failed: expect.stringContaining('no public address'),
      })
    } finally {
      await server.close()
    }
  })

  it('about a status go to the responder', async () => {
    expect(await ask(ca.question)).toHaveProperty('ocspResult')
    expect(ca.responder.asked).toEqual(['00c0ffee01'])
  })
})
