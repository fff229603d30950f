/**
 * The CA of one site: it signs the certificate of its controller, and those of its stations (A00, A02: security profiles 2 and 3). It
 * lies in one folder, made at the first start, or put there by who has a CA already:
 *
 *     ca.pem          ca.key          the CA; whoever is to trust the site is given ca.pem
 *     server.pem      server.key      the controller's own certificate, made anew when it ends soon or other names are wanted
 *     server-rsa.pem  server-rsa.key  the same by an RSA key, for stations that know only RSA suites
 *
 * Keys are readable for their owner only (mode 0600), and never leave the folder.
 */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import type { Random } from '../ports.ts'
import type { CertificateRequest } from './certificate-request.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** Of the controller's own keys, one each: a CSMS is to offer suites of both (2.0.1 Part 2, A00.FR.318; 1.6 security whitepaper). */
const SERVER_KEYS = [
  { name: 'server', algorithm: ALGORITHM, usage: x509.KeyUsageFlags.digitalSignature },
  {
    name: 'server-rsa',
    algorithm: {
      name: 'RSASSA-PKCS1-v1_5',
      hash: 'SHA-256',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    // With TLS_RSA_WITH_... the station encrypts to the key.
    usage: x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
  },
] as const
const DAY_MS = 86_400_000
const CA_DAYS = 20 * 365
const SERVER_DAYS = 825
/** A certificate of a station lasts so long; the station asks for the next in time (A02). */
export const STATION_DAYS = 365
/** The controller's own is made anew so long before its end. */
const RENEW_BEFORE_MS = 90 * DAY_MS
/** Clocks of stations may be a little behind. */
const BACKDATED_MS = 3_600_000

/** A certificate with those of its chain, and its key: PEM. */
export interface KeyPair {
  cert: string
  key: string
}

export interface Issued {
  /** PEM: the station's certificate, then the CA's. */
  chain: string
  /** Hex, upper case, as `openssl x509 -serial` tells it. */
  serialNumber: string
  notAfter: Date
}

export interface SiteCaOptions {
  folder: string
  siteId: string
  /** Names and addresses by which stations reach the controller. */
  hostnames: readonly string[]
  random: Random
  now(): number
}

export class SiteCa {
  readonly #options: SiteCaOptions
  readonly #certificate: x509.X509Certificate
  readonly #key: webcrypto.CryptoKey
  /** Of the controller: one by an elliptic curve, one by RSA. */
  readonly own: readonly KeyPair[]

  private constructor(
    options: SiteCaOptions,
    certificate: x509.X509Certificate,
    key: webcrypto.CryptoKey,
    own: readonly KeyPair[],
  ) {
    this.#options = options
    this.#certificate = certificate
    this.#key = key
    this.own = own
  }

  /** PEM. */
  get certificate(): string {
    return this.#certificate.toString('pem')
  }

  /** Throws when files of the folder cannot be read, or the key is not the certificate's. */
  static async open(options: SiteCaOptions): Promise<SiteCa> {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const { certificate, key } = await openCa(options)
    const own: KeyPair[] = []
    for (const kind of SERVER_KEYS) own.push(await openServer(options, kind, certificate, key))
    return new SiteCa(options, certificate, key, own)
  }

  /** A certificate for a station: its request's key, with the name that the request has. */
  async sign(request: CertificateRequest, commonName: string, organization: string): Promise<Issued> {
    const now = this.#options.now()
    const notAfter = new Date(Math.min(now + STATION_DAYS * DAY_MS, this.#certificate.notAfter.getTime()))
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(this.#options.random),
      subject: [{ CN: [commonName] }, { O: [organization] }],
      issuer: this.#certificate.subject,
      notBefore: new Date(now - BACKDATED_MS),
      notAfter,
      publicKey: request.publicKey,
      signingKey: this.#key,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ],
    })
    return {
      chain: `${certificate.toString('pem')}\n${this.certificate}\n`,
      serialNumber: certificate.serialNumber.toUpperCase(),
      notAfter,
    }
  }
}

async function openCa({ folder, siteId, random, now }: SiteCaOptions) {
  const [certFile, keyFile] = [join(folder, 'ca.pem'), join(folder, 'ca.key')]
  if (existsSync(certFile) || existsSync(keyFile)) {
    const certificate = new x509.X509Certificate(readFileSync(certFile, 'utf8'))
    const key = await readKey(keyFile)
    const proof = random.bytes(32)
    const signature = await webcrypto.subtle.sign(ALGORITHM, key, proof)
    const publicKey = await certificate.publicKey.export(ALGORITHM, ['verify'])
    if (!(await webcrypto.subtle.verify(ALGORITHM, publicKey, signature, proof)))
      throw new Error(`${keyFile} is not the key of ${certFile}`)
    return { certificate, key }
  }
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    name: [{ CN: [`Switchyard site ${siteId}`] }],
    notBefore: new Date(now() - BACKDATED_MS),
    notAfter: new Date(now() + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  await writeKey(keyFile, keys.privateKey)
  writeFileSync(certFile, `${certificate.toString('pem')}\n`)
  return { certificate, key: keys.privateKey }
}

async function openServer(
  options: SiteCaOptions,
  { name, algorithm, usage }: (typeof SERVER_KEYS)[number],
  ca: x509.X509Certificate,
  caKey: webcrypto.CryptoKey,
): Promise<KeyPair> {
  const { folder, hostnames, random, now } = options
  const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  if (existsSync(certFile) && existsSync(keyFile)) {
    const cert = readFileSync(certFile, 'utf8')
    const before = new x509.X509Certificate(cert)
    const names = before.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? []
    const isFor = hostnames.every((wanted) => names.some(({ value }) => value === wanted))
    if (isFor && before.issuer === ca.subject && before.notAfter.getTime() - now() > RENEW_BEFORE_MS)
      return { cert, key: readFileSync(keyFile, 'utf8') }
  }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: [{ CN: [hostnames[0] ?? 'localhost'] }],
    issuer: ca.subject,
    notBefore: new Date(now() - BACKDATED_MS),
    notAfter: new Date(Math.min(now() + SERVER_DAYS * DAY_MS, ca.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: caKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(usage, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hostnames.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    ],
  })
  const cert = `${certificate.toString('pem')}\n${ca.toString('pem')}\n`
  await writeKey(keyFile, keys.privateKey)
  writeFileSync(certFile, cert)
  return { cert, key: readFileSync(keyFile, 'utf8') }
}

/** Positive, 16 bytes, drawn. */
function serialNumber(random: Random): string {
  const bytes = random.bytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return Buffer.from(bytes).toString('hex')
}

async function writeKey(file: string, key: webcrypto.CryptoKey): Promise<void> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key)
  writeFileSync(file, `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
}

async function readKey(file: string): Promise<webcrypto.CryptoKey> {
  const [pkcs8] = x509.PemConverter.decode(readFileSync(file, 'utf8'))
  if (!pkcs8) throw new Error(`${file} holds no key in PEM (PKCS #8)`)
  try {
    return await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign'])
  } catch (error) {
    throw new Error(`${file}: a key on the curve P-256 is asked for (PKCS #8)`, { cause: error })
  }
}
