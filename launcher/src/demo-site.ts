import { existsSync } from 'node:fs'
import { localTimeZone, SITE_ID } from './environment.ts'
import type { PublicApi } from './public-api.ts'
import { readSecret, writeSecret } from './secrets.ts'

const CONFLICT = 409

/**
 * Creates the site at the first start, through the public API as any user would. Its MQTT credential is told once and kept
 * in `passwordFile`; where that exists the site does too. Where only the site exists (a start was killed in between, or the
 * database is an older one of the user's own) it gets a new credential.
 */
export async function ensureDemoSite(
  api: PublicApi,
  passwordFile: string,
  say: (line: string) => void,
): Promise<void> {
  if (existsSync(passwordFile)) return
  const site = { siteId: SITE_ID, name: 'Demo site', timeZone: localTimeZone() }
  const created = await api.post('/sites', site, [CONFLICT])
  if (created.status !== CONFLICT) {
    writeSecret(passwordFile, (created.body as { mqtt: { password: string } }).mqtt.password)
    return
  }
  say(`The site "${SITE_ID}" is in the database already: giving it a new credential`)
  const renewed = await api.post(`/sites/${SITE_ID}/credentials`, {})
  writeSecret(passwordFile, (renewed.body as { password: string }).password)
}

/**
 * Registers the simulated stations, approved and with a password, and the tokens of the simulated drivers: each once per home,
 * so that what a user changes about them afterwards stays. The file `done` remembers which.
 */
export async function registerSimulation(
  api: PublicApi,
  simulated: { stations: { stationId: string }[]; tokens: { idToken: string }[] },
  password: string,
  done: string,
): Promise<void> {
  const before = new Set(existsSync(done) ? readSecret(done).split('\n') : [])
  const ids = [...simulated.tokens.map((it) => it.idToken), ...simulated.stations.map((it) => it.stationId)]
  if (ids.every((it) => before.has(it))) return
  for (const token of simulated.tokens) if (!before.has(token.idToken)) await api.post('/tokens', token)
  for (const { stationId } of simulated.stations) {
    if (before.has(stationId)) continue
    const wish = { approved: true, password }
    const { status } = await api.post('/stations', { stationId, siteId: SITE_ID, ...wish }, [CONFLICT])
    // It connected before it was registered, or the database is an older one.
    if (status === CONFLICT) await api.patch(`/stations/${stationId}`, wish)
  }
  writeSecret(done, ids.join('\n'))
}
