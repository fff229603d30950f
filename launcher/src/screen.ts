import { networkInterfaces } from 'node:os'
import { isExternal, type Setting } from './environment.ts'
import type { Credentials } from './secrets.ts'

/** The one screen that tells a user all there is to know. */
export function screen({ flags, home, outer }: Setting, credentials: Credentials): string {
  const { ports } = flags
  const host = flags.lan ? (lanAddress() ?? 'localhost') : 'localhost'
  const lines = [
    '',
    'Switchyard runs.',
    '',
    `  Dashboard        http://${host}:${ports.api}`,
    `  Sign in as       ${credentials.operator.email}   password ${credentials.operator.password}`,
    `  API key          ${credentials.apiKey}`,
    `  API              http://${host}:${ports.api}/openapi.json`,
    '',
    `  Your own charger ws://${host}:${ports.ocpp}/ocpp/{stationId}   (OCPP 1.6J, 2.0.1 or 2.1)`,
    `  Site controller  http://localhost:${ports.controller}`,
    '',
    `  Data             ${home.folder}`,
    ...(isExternal('DATABASE_URL', outer)
      ? ['  Database         as DATABASE_URL says']
      : home.postgres.startsWith(home.folder)
        ? []
        : [`  Database         ${home.postgres}`]),
    `  Credentials      ${home.credentials}`,
    `  Logs             ${home.logs}`,
    '',
    ...(flags.simulator ? [] : ['  No simulated site: connect a charger of your own.', '']),
    ...(flags.lan ? [...lanNotice(), ''] : []),
    '  Ctrl-C stops everything in order; all data is kept.',
    '',
  ]
  return lines.join('\n')
}

/** What --lan means must be said where nobody overlooks it. */
function lanNotice(): string[] {
  return [
    '  --lan: anyone on your network can reach the dashboard and the OCPP ports. The traffic is not encrypted, so passwords',
    '  and tokens can be read on the way. An unknown charger waits as Pending until you approve it in the dashboard.',
  ]
}

function lanAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((it) => it ?? [])
    .find((it) => it.family === 'IPv4' && !it.internal)?.address
}
