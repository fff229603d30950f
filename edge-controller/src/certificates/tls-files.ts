/** What the controller's TLS port is opened with: files that the configuration names, and the site's CA. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import type { TlsOptions } from '../ocpp/tls.ts'
import type { Random } from '../ports.ts'
import { type KeyPair, SiteCa } from './site-ca.ts'
import { hostnamesOf } from './site-urls.ts'

/** Undefined where no TLS port is configured. Throws when a file cannot be read, naming it. */
export async function openTls(
  config: Config,
  random: Random,
  now: () => number,
): Promise<{ ca: SiteCa; tls: TlsOptions } | undefined> {
  if (config.OCPP_TLS_PORT === undefined) return undefined
  const ca = await SiteCa.open({
    folder: config.SITE_CA_DIR ?? join(dirname(config.JOURNAL_FILE), 'ca'),
    siteId: config.SITE_ID,
    hostnames: hostnamesOf(config),
    random,
    now,
  })
  const read = (file: string | undefined) => (file === undefined ? [] : [readFileSync(file, 'utf8')])
  const given = givenTo(config)
  return {
    ca,
    tls: {
      own: given.length > 0 ? given : ca.own,
      ciphers: config.OCPP_TLS_CIPHERS,
      clientCas: [ca.certificate, ...read(config.OCPP_TLS_CLIENT_CA_FILE)],
      crls: read(config.OCPP_TLS_CRL_FILE),
      organization: config.CERTIFICATE_ORGANIZATION,
    },
  }
}

/** Pairs of files that the configuration names, in order: the second for stations that know only the other kind of key. */
function givenTo(config: Config): KeyPair[] {
  const first = pairOf('OCPP_TLS_CERT_FILE', 'OCPP_TLS_KEY_FILE', config)
  const second = pairOf('OCPP_TLS_SECOND_CERT_FILE', 'OCPP_TLS_SECOND_KEY_FILE', config)
  if (second === undefined) return first ? [first] : []
  if (first === undefined) throw new Error('OCPP_TLS_SECOND_CERT_FILE goes with OCPP_TLS_CERT_FILE')
  const kinds = [first, second].map(({ cert }) => new X509Certificate(cert).publicKey.asymmetricKeyType)
  // Of two of a kind the port would show the second alone.
  if (kinds[0] === kinds[1])
    throw new Error(`OCPP_TLS_SECOND_CERT_FILE: both certificates are for a key of kind ${kinds[0]}`)
  return [first, second]
}

function pairOf(
  certName: 'OCPP_TLS_CERT_FILE' | 'OCPP_TLS_SECOND_CERT_FILE',
  keyName: 'OCPP_TLS_KEY_FILE' | 'OCPP_TLS_SECOND_KEY_FILE',
  { [certName]: certFile, [keyName]: keyFile }: Config,
): KeyPair | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined || keyFile === undefined)
    throw new Error(`${certName} and ${keyName}: both or none`)
  const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')]
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error(`${keyName} is not the key of ${certName}`)
  return { cert, key }
}
