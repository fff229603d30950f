/** Certificates made in a test, and a real OCSP responder and revocation list for them, over HTTP on loopback. */
import 'reflect-metadata'
import { createHash, webcrypto } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as x509 from '@peculiar/x509'
import { Constructed, Enumerated, GeneralizedTime, OctetString, Primitive } from 'asn1js'
import * as pkijs from 'pkijs'

export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const HOUR_MS = 3_600_000
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9'
const crypto = webcrypto as unknown as NonNullable<Parameters<typeof x509.X509CertificateGenerator.create>[1]>

/** Whoever has a certificate, and its key. */
export interface Party {
  certificate: x509.X509Certificate
  pem: string
  keys: webcrypto.CryptoKeyPair
}

export interface IssueOptions {
  ca?: boolean
  notAfter?: string
  /** Hex. */
  serialNumber?: string
  /** Signed with this one's key, though `by` is named. */
  signedWith?: Party
  /** Of a request; the party's own key is not its certificate's then. */
  publicKey?: x509.PublicKey
  /** OCSP responder that it names. */
  ocsp?: string
  /** May sign answers of OCSP in its issuer's place. */
  appointed?: boolean
}

/** A certificate signed by `by`, or by itself, valid from 2025 to `notAfter`. */
export async function issue(name: string, by: Party | undefined, options: IssueOptions = {}): Promise<Party> {
  const { ca = true, notAfter = '2049-12-31', serialNumber, signedWith, ocsp, appointed } = options
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...(serialNumber === undefined ? {} : { serialNumber }),
      subject: `CN=${name}`,
      issuer: by?.certificate.subject ?? `CN=${name}`,
      notBefore: new Date('2025-01-01'),
      notAfter: new Date(notAfter),
      publicKey: options.publicKey ?? keys.publicKey,
      signingKey: (signedWith ?? by)?.keys.privateKey ?? keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(ca),
        ...(appointed ? [new x509.ExtendedKeyUsageExtension([OCSP_SIGNING])] : []),
        ...(ocsp === undefined ? [] : [new x509.AuthorityInfoAccessExtension({ ocsp })]),
      ],
    },
    crypto,
  )
  return { certificate, keys, pem: certificate.toString('pem') }
}

/** As OCPP names it: hashes of the issuer, and its number. */
export function hashesOf({ certificate }: Party, issuer: Party) {
  const { subject, subjectPublicKeyInfo } = pkijs.Certificate.fromBER(issuer.certificate.rawData)
  const hash = (data: ArrayBuffer | Uint8Array) =>
    createHash('sha256').update(new Uint8Array(data)).digest('hex')
  return {
    hashAlgorithm: 'SHA256' as const,
    issuerNameHash: hash(subject.toSchema().toBER(false)),
    issuerKeyHash: hash(subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView),
    serialNumber: certificate.serialNumber.replace(/^0+/, ''),
  }
}

/** A list of what `by` has revoked, DER. */
export async function revocationList(
  by: Party,
  serialNumbers: string[],
  { nowMs, validMs, extensions = [] }: { nowMs: number; validMs: number; extensions?: x509.Extension[] },
): Promise<Buffer> {
  const list = await x509.X509CrlGenerator.create(
    {
      issuer: by.certificate.subject,
      thisUpdate: new Date(nowMs),
      nextUpdate: new Date(nowMs + validMs),
      entries: serialNumbers.map((serialNumber) => ({
        serialNumber,
        revocationDate: new Date(nowMs),
        reason: x509.X509CrlReason.keyCompromise,
      })),
      extensions,
      signingKey: by.keys.privateKey,
      signingAlgorithm: ALGORITHM,
    },
    crypto,
  )
  return Buffer.from(list.rawData)
}

/** A server on a free port of loopback. */
export async function serve(
  handle: (body: Buffer, response: ServerResponse, request: IncomingMessage) => void,
) {
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => handle(Buffer.concat(parts), response, request))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close }
}

export interface Responder {
  url: string
  /** Serial numbers that were asked about, hex. */
  asked: string[]
  /** Serial numbers that are revoked, hex without leading zeros; every other one is good. */
  revoked: Set<string>
  /** How long answers are valid; undefined: they do not say. */
  validMs: number | undefined
  /** OCSPResponseStatus. */
  status: number
  /** Answers nothing but 503. */
  down: boolean
  /** Who signs, and sends its certificate along: the issuer of what is asked about, else the first. */
  signers: Party[]
  close(): Promise<void>
}

/** A responder that answers whatever it is asked, dated `now()`. */
export async function openResponder(signers: Party[], now: () => number): Promise<Responder> {
  const responder: Responder = {
    url: '',
    asked: [],
    revoked: new Set(),
    validMs: HOUR_MS,
    status: 0,
    down: false,
    signers,
    async close() {},
  }
  const server = await serve((body, response, { headers }) => {
    if (responder.down) return void response.writeHead(503).end()
    if (headers['content-type'] !== 'application/ocsp-request') return void response.writeHead(415).end()
    void answer(responder, body, now()).then((it) => response.end(it))
  })
  return Object.assign(responder, server)
}

async function answer(responder: Responder, request: Buffer, nowMs: number): Promise<Buffer> {
  const { signers, validMs, revoked } = responder
  const wanted = pkijs.OCSPRequest.fromBER(Uint8Array.from(request)).tbsRequest.requestList[0]!.reqCert
  const serial = Buffer.from(wanted.serialNumber.valueBlock.valueHexView).toString('hex')
  responder.asked.push(serial)
  const keyHash = Buffer.from(wanted.issuerKeyHash.valueBlock.valueHexView).toString('hex')
  const signer = signers.find((it) => hashesOf(it, it).issuerKeyHash === keyHash) ?? signers[0]!
  const certificate = pkijs.Certificate.fromBER(signer.certificate.rawData)
  const basic = new pkijs.BasicOCSPResponse()
  basic.tbsResponseData.responderID = certificate.subject
  basic.tbsResponseData.producedAt = new Date(nowMs)
  const single = new pkijs.SingleResponse({ certID: wanted, thisUpdate: new Date(nowMs) })
  if (validMs !== undefined) single.nextUpdate = new Date(nowMs + validMs)
  single.certStatus = revoked.has(serial.replace(/^(00)+/, ''))
    ? new Constructed({
        idBlock: { tagClass: 3, tagNumber: 1 },
        value: [new GeneralizedTime({ valueDate: new Date(nowMs) })],
      })
    : new Primitive({ idBlock: { tagClass: 3, tagNumber: 0 }, lenBlock: { length: 1 } })
  basic.tbsResponseData.responses = [single]
  basic.certs = [certificate]
  await basic.sign(signer.keys.privateKey as webcrypto.CryptoKey, 'SHA-256')
  const response = new pkijs.OCSPResponse()
  response.responseStatus = new Enumerated({ value: responder.status })
  response.responseBytes = new pkijs.ResponseBytes({
    responseType: '1.3.6.1.5.5.7.48.1.1',
    response: new OctetString({ valueHex: basic.toSchema().toBER(false) }),
  })
  return Buffer.from(response.toSchema().toBER(false))
}
