/** TLS for stations: what the port is opened with, and the certificate that a station shows (security profiles 2 and 3). */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { KeyPair } from '../certificates/site-ca.ts'
import type { Knock } from './admission.ts'

/**
 * What is spoken with TLS 1.2: the four suites that OCPP asks a CSMS for (2.0.1 Part 2, A00.FR.318; 1.6 security whitepaper, 5.3), and
 * those with forward secrecy and authenticated encryption. Suites of TLS 1.3 come with it.
 */
export const DEFAULT_CIPHERS = [
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ...['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ...['AES128-GCM-SHA256', 'AES256-GCM-SHA384'],
].join(':')

export interface TlsOptions {
  /** Of the controller: one of each kind of key. */
  own: readonly KeyPair[]
  /** OpenSSL's names, with colons; undefined: `DEFAULT_CIPHERS`. */
  ciphers?: string | undefined
  /** CAs of stations' certificates, PEM; a certificate of another is refused. */
  clientCas: readonly string[]
  /** Revoked certificates of those CAs, PEM: one list of each, or none at all. */
  crls: readonly string[]
  /** What a station's certificate must name as its organization; undefined: any. */
  organization: string | undefined
}

/** TLS 1.2 or later. A certificate is asked for and looked at in the upgrade, so that a refusal can say its reason. */
export function ofTls({ own, ciphers = DEFAULT_CIPHERS, clientCas, crls }: TlsOptions) {
  return {
    cert: own.map(({ cert }) => cert),
    key: own.map(({ key }) => key),
    ciphers,
    ca: [...clientCas],
    ...(crls.length > 0 ? { crl: [...crls] } : {}),
    minVersion: 'TLSv1.2' as const,
    requestCert: true,
    rejectUnauthorized: false,
  }
}

/** The certificate that a station has shown, if any. */
export function shownTo({ organization }: TlsOptions, socket: Socket): NonNullable<Knock['tls']> {
  if (!(socket instanceof TLSSocket)) return {}
  const { subject, serialNumber, valid_to } = socket.getPeerCertificate()
  if (subject === undefined) return {}
  // Node gives the error's code where its types say an error.
  const error = socket.authorized ? undefined : String(socket.authorizationError)
  const isForeign = organization !== undefined && subject.O !== organization
  const fault = error ?? (isForeign ? `its organization is not ${organization}` : undefined)
  return {
    certificate: {
      commonName: textOf(subject.CN),
      serialNumber: serialNumber.toUpperCase(),
      endsMs: Date.parse(valid_to),
      ...(fault === undefined ? {} : { fault }),
    },
  }
}

/** A name may stand there several times: then it is none. */
function textOf(name: unknown): string {
  return typeof name === 'string' ? name : ''
}
