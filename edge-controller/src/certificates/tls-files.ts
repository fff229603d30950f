/** What the controller's TLS port is opened with: files that the configuration names, and the site's CA. */

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import type { TlsOptions } from '../ocpp/tls.ts'
import type { Random } from '../ports.ts'
import { SiteCa } from './site-ca.ts'
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
  const { OCPP_TLS_CERT_FILE: cert, OCPP_TLS_KEY_FILE: key } = config
  if ((cert === undefined) !== (key === undefined))
    throw new Error('OCPP_TLS_CERT_FILE and OCPP_TLS_KEY_FILE: both or none')
  const read = (file: string | undefined) => (file === undefined ? [] : [readFileSync(file, 'utf8')])
  return {
    ca,
    tls: {
      ...(cert !== undefined && key !== undefined
        ? { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
        : ca.server),
      clientCas: [ca.certificate, ...read(config.OCPP_TLS_CLIENT_CA_FILE)],
      crls: read(config.OCPP_TLS_CRL_FILE),
      organization: config.CERTIFICATE_ORGANIZATION,
    },
  }
}
