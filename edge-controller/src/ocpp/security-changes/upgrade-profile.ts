/**
 * A station's way to a higher security profile (A05; the security whitepaper for 1.6). What the profile needs is looked at first. The
 * profile before stays good until a connection has proved the new one; from then on nothing below it is taken (A05.FR.06), until an
 * operator says so.
 */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { CommandResult } from '../../execute.ts'
import { passwordsOf } from '../../station/security.ts'
import { stationOf } from '../../station/station.ts'
import { asksForReboot, type Change, comesBackWith, notDone } from './change.ts'
import { isToldIn, toldRoots } from './told-roots.ts'

/** Left for putting the order of the slots back. */
const PUT_BACK_MS = 10_000
const PRIORITY = 'OCPPCommCtrlr.NetworkConfigurationPriority'

export async function upgradeProfile(change: Change): Promise<CommandResult> {
  const { command, standing } = change
  const args = command.args as JsonObject & { profile: number; slot?: number; installRoot?: boolean }
  const { profile } = args
  await change.until(() => standing() !== undefined, change.leftMs())
  const now = standing()
  const isThere = () => (standing()?.credential.profile ?? 0) >= profile
  const proved: CommandResult = {
    status: 'accepted',
    reply: { status: 'Accepted', securityProfile: profile },
  }
  if (isThere()) return proved
  const missing = missingFor(change, profile)
  if (missing) return missing
  if (profile > 1 && (now?.credential.profile ?? 0) < 2) {
    const without = await rootFor(change, args.installRoot === true)
    if (without) return without
  }
  if (now?.version === '1.6') {
    const set = await change.issue('UpgradeSecurityProfile', args)
    if (set.status !== 'accepted' && set.status !== 'unknown') return set
    return (await comesBackWith(change, isThere, asksForReboot(set))) ? proved : notProved(profile)
  }
  const order = await slotsOf(change)
  if ('status' in order) return order
  const slot = args.slot ?? freeSlot(order.slots)
  if (slot === order.slots[0])
    return notDone('SlotInUse', `slot ${slot} is what the station connects with now: choose another`)
  const stored = await change.issue('UpgradeSecurityProfile', { ...args, slot })
  if (stored.status !== 'accepted') return stored
  // The one before comes next: a station that cannot connect with the new one goes back to it.
  const preferred = [slot, ...order.slots.filter((it) => it !== slot)]
  const set = await change.issue('SetSettings', {
    settings: [{ name: PRIORITY, value: preferred.join(',') }],
  })
  if (set.status !== 'accepted') return set
  if (await comesBackWith(change, isThere, true, PUT_BACK_MS)) return proved
  if (standing())
    await change.issue('SetSettings', { settings: [{ name: PRIORITY, value: order.slots.join(',') }] })
  return notProved(profile)
}

/** What the site must have for this station, and has not. */
function missingFor(change: Change, profile: number): CommandResult | undefined {
  const { site, state, stationId, standing } = change
  if (site.url(profile, standing()?.local) === undefined)
    return notDone(
      'NoTls',
      `profile ${profile} needs TLS, and the site has no TLS port (OCPP_TLS_PORT of its controller)`,
    )
  if (profile < 3 && passwordsOf(state, stationId).length === 0)
    return notDone('NoPassword', `profile ${profile} needs a password: RotatePassword first`)
  if (profile < 3) return undefined
  const certificate = stationOf(state, stationId)?.certificate
  if (certificate && Date.parse(certificate.notAfter) > change.now()) return undefined
  return notDone(
    'NoCertificate',
    'profile 3 needs a certificate of the station that the site has signed: RotateCertificate first',
  )
}

/**
 * Undefined when the station has the site's root certificate. Where the site shows another's certificate its root is not known here: then
 * any will do.
 */
async function rootFor(change: Change, mayInstall: boolean): Promise<CommandResult | undefined> {
  const types = ['CSMSRootCertificate']
  const told = await change.issue('GetInstalledCertificateIds', { certificateTypes: types })
  const { root } = change.site
  const found = toldRoots(told.reply ?? {})
  if (found > 0 && (root === undefined || (await isToldIn(told.reply!, root)))) return undefined
  if (told.reply === undefined)
    return notDone(
      'RootUnknown',
      `the station does not tell its root certificates (${told.error?.code ?? told.status}): without one it could not connect`,
    )
  if (!mayInstall || root === undefined)
    return notDone(
      'NoRootCertificate',
      `the station has ${found === 0 ? 'no CSMSRootCertificate' : `${found} of CSMSRootCertificate, none of the site's CA,`} to know the site by: InstallCertificate first, or installRoot`,
    )
  const installed = await change.issue('InstallCertificate', {
    certificateType: 'CSMSRootCertificate',
    certificate: root,
  })
  return installed.status === 'accepted' ? undefined : installed
}

/** Slots in the order in which the station uses them; else why that is not known. */
async function slotsOf(change: Change): Promise<{ slots: number[] } | CommandResult> {
  const read = await change.issue('GetSettings', { settings: [{ name: PRIORITY }] })
  if (read.status !== 'accepted') return read
  const [result] = (read.reply?.getVariableResult ?? []) as { attributeValue?: string }[]
  const slots = (result?.attributeValue ?? '')
    .split(',')
    .map((it) => it.trim())
    .filter((it) => /^\d+$/.test(it))
    .map(Number)
  return { slots }
}

function freeSlot(slots: readonly number[]): number {
  for (let slot = 1; ; slot++) if (!slots.includes(slot)) return slot
}

function notProved(profile: number): CommandResult {
  return notDone(
    'NotProved',
    `the station was told of profile ${profile}, and no connection came with it in time: what it came with before is taken still`,
  )
}
