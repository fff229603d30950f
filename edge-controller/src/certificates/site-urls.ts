/** Where stations reach the controller, by security profile. */
import { isIP } from 'node:net'
import type { Config } from '../config.ts'

export interface SitePorts {
  plain: number
  /** Undefined: there is no TLS port. */
  tls: number | undefined
  /** Names and addresses that the controller's certificate is for, the first before the others. */
  hostnames: readonly string[]
}

/** In the order in which they are configured. */
export function hostnamesOf({ OCPP_TLS_HOSTNAMES }: Pick<Config, 'OCPP_TLS_HOSTNAMES'>): string[] {
  return OCPP_TLS_HOSTNAMES.split(',').map((name) => name.trim())
}

/** `local`: the address by which the station came. With TLS only what the certificate names will do. Undefined: the profile has no port. */
export function siteUrl(
  { plain, tls, hostnames }: SitePorts,
  profile: number,
  local?: string,
): string | undefined {
  const address = local?.replace(/^::ffff:/, '')
  if (profile < 2) return address && `ws://${inUrl(address)}:${plain}/ocpp/`
  if (tls === undefined) return undefined
  const host = address !== undefined && hostnames.includes(address) ? address : hostnames[0]
  return host && `wss://${inUrl(host)}:${tls}/ocpp/`
}

function inUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host
}
