/**
 * A station's next certificate (A02; the same for 1.6 by its security whitepaper): the station is asked to ask for one, the site's CA
 * signs, and a connection proves it. The one before stays good until then. A station that is not at profile 3 yet uses it with its next
 * profile.
 */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { CommandResult } from '../../execute.ts'
import { stationOf } from '../../station/station.ts'
import { type Change, comesBackWith, notDone } from './change.ts'

/** From the trigger to what came of the request that follows. */
export const ISSUE_TIMEOUT_MS = 60_000
/** A station that took the trigger and did not ask, or did not take what was signed, is triggered again so often. */
export const MAX_TRIGGERS = 3

export async function rotateCertificate(change: Change): Promise<CommandResult> {
  const { site, standing } = change
  if (!site.signs)
    return notDone('NoCa', 'the site has no CA that would sign (OCPP_TLS_PORT of its controller)')
  await change.until(() => standing() !== undefined, change.leftMs())
  // A station may be gone to come back with the certificate before anybody looks again.
  const profile = standing()?.credential.profile
  if (profile === 0)
    return notDone('NothingProved', 'a station without a password gets no certificate: RotatePassword first')
  if (!issuedFor(change)) {
    const failure = await haveItIssued(change)
    if (failure) return failure
  }
  const certificate = issuedFor(change)!
  const proved = () => issuedFor(change)?.proved === true
  const { serialNumber, notAfter } = certificate
  if (!proved() && profile !== 3)
    return { status: 'accepted', reply: { status: 'Accepted', serialNumber, notAfter, proved: false } }
  if (proved() || (await comesBackWith(change, proved, false)))
    return { status: 'accepted', reply: { status: 'Accepted', serialNumber, notAfter, proved: true } }
  return notDone(
    'NotProved',
    `the station took certificate ${serialNumber}, and no connection came with it in time: the one before is taken still`,
  )
}

/** What was signed since this change began; also before a restart in the middle of it. */
function issuedFor({ state, stationId, command }: Change) {
  const certificate = stationOf(state, stationId)?.certificate
  return certificate?.change === command.id ? certificate : undefined
}

/** Undefined once the station has taken a certificate. */
async function haveItIssued(change: Change): Promise<CommandResult | undefined> {
  let why = 'the station took the trigger, and asked for no certificate'
  for (let triggers = 0; triggers < MAX_TRIGGERS && change.leftMs() > 0; triggers++) {
    const before = change.issued()
    const triggered = await change.issue('RotateCertificate', change.command.args as JsonObject)
    if (triggered.status !== 'accepted' && triggered.status !== 'unknown') return triggered
    await change.until(() => change.issued() !== before, ISSUE_TIMEOUT_MS)
    const issued = change.issued()
    if (issued === undefined || issued === before) continue
    if (issued.outcome === 'accepted') return undefined
    why = `the certificate was ${issued.outcome}${issued.reason === undefined ? '' : `: ${issued.reason}`}`
    // Another request would be the same.
    if (issued.outcome === 'refused') break
  }
  return notDone('NotIssued', why)
}
