/** TLS for stations: what the port is opened with, and the certificate that a station shows (security profiles 2 and 3). */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Knock } from './admission.ts'

/** PEM throughout. */
export interface TlsOptions {
  cert: string
  key: string
  /** CAs of stations' certificates; a certificate of another is refused. */
  clientCas: readonly string[]
  /** Revoked certificates of those CAs: one list of each, or none at all. */
  crls: readonly string[]
  /** What a station's certificate must name as its organization; undefined: any. */
  organization: string | undefined
}

/** TLS 1.2 or later. A certificate is asked for and looked at in the upgrade, so that a refusal can say its reason. */
export function ofTls({ cert, key, clientCas, crls }: TlsOptions) {
  return {
    cert,
    key,
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
