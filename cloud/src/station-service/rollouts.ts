/**
 * Carries roll-outs on. Any process may take the next step of one: it locks the row of the roll-out, and what the step
 * decides, the commands that it tells stations by among it, is committed with it or not at all.
 */

import { MAX_ROLLOUT_STATIONS } from '@switchyard/protocol/api/rollouts.ts'
import { SECURITY_CHANGES } from '@switchyard/protocol/command/commands.ts'
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { ProblemError } from '../platform/http/problem.ts'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import { writeCommand } from './commands.ts'
import { hashPassword } from './password-hash.ts'
import { changeUnderWay } from './queries.ts'
import { AGAIN_MS, LOOK_MS, nextLookMs, nextStep, type StationNow, type Step } from './rollout-decide.ts'
import {
  type RolloutRow,
  type RolloutStationRow,
  type RolloutStationView,
  stationsOfRollout,
  writeStations,
} from './rollout-queries.ts'
import { beginRotation, passwordOf } from './rotation.ts'

/** After its time a change has so long to be told as ended. */
const OUTCOME_WAIT_MS = 60_000
/** Roll-outs that one process looks at in a row; the others are for the next round, or for another process. */
const AT_ONCE = 50

export function startRollouts(context: ServiceContext): Loop {
  const { clock, log, sql, eventLog } = context
  return createLoop({
    clock,
    log,
    name: 'roll-outs',
    pollMs: LOOK_MS,
    work: async () => {
      const due = await sql<{ rollout_id: string }[]>`
        select rollout_id from station.rollout where open and look_at <= ${new Date(clock.now())}
         order by look_at limit ${AT_ONCE}`
      for (const { rollout_id: rolloutId } of due)
        try {
          if (await stepOnce(context, rolloutId)) eventLog.wake()
        } catch (error) {
          // The others go on; this one is looked at again in the next round.
          log.warn({ ...faultOf(error), rolloutId }, 'a roll-out could not be carried on')
        }
      return false
    },
  })
}

/** One look at a roll-out that is due; true when something was told to the log. */
async function stepOnce(context: ServiceContext, rolloutId: string): Promise<boolean> {
  const { sql, clock } = context
  return await sql.begin(async (tx) => {
    const nowMs = clock.now()
    const [rollout] = await tx<RolloutRow[]>`
      update station.rollout set looked_at = ${new Date(nowMs)}
       where rollout_id = (
         select rollout_id from station.rollout
          where rollout_id = ${rolloutId} and open and look_at <= ${new Date(nowMs)}
            for update skip locked)
      returning *`
    if (rollout === undefined) return false
    const rows = await stationsOfRollout(tx, { rolloutId, limit: MAX_ROLLOUT_STATIONS })
    const step = nextStep(rollout, rows.map(stationNow), nowMs)
    const written = await told(tx, context, rollout, rows, step)
    await writeStations(tx, written)
    const lookMs = written.length > 0 ? nowMs + LOOK_MS : nextLookMs(times(rollout, rows), nowMs)
    await writeRollout(tx, context, rollout, step, lookMs)
    return step.tell.length > 0 || step.halted !== undefined
  })
}

/** What has happened in a roll-out, and what will by itself, ms. */
function times(rollout: RolloutRow, rows: readonly RolloutStationRow[]): number[] {
  const all = rows.flatMap((it) => [
    it.told_at,
    it.finished_at,
    it.again_at,
    it.state === 'updating' ? it.deadline_at : null,
  ])
  return [rollout.status_since, ...all].flatMap((at) => at?.getTime() ?? [])
}

/** Writes the commands of a step; gives the rows that are not as they were. */
async function told(
  tx: TransactionSql,
  context: ServiceContext,
  rollout: RolloutRow,
  rows: readonly RolloutStationView[],
  { changes, tell, wave }: Step,
): Promise<RolloutStationRow[]> {
  const nowMs = context.clock.now()
  const now = new Date(nowMs)
  const timeoutMs = rollout.policy.timeoutMinutes * 60_000
  const written: RolloutStationRow[] = []
  // Passwords lock their sites: in one order for all, so that two roll-outs do not wait for each other.
  const bySite = [...rows].sort((a, b) => (a.site_id < b.site_id ? -1 : a.site_id > b.site_id ? 1 : 0))
  for (const row of bySite) {
    const change = changes.get(row.station_id)
    if (
      change &&
      (change.state !== row.state || change.heldBy !== row.held_by || change.reason !== row.reason)
    )
      written.push({
        ...row,
        state: change.state,
        held_by: change.heldBy,
        reason: change.reason,
        again_at: change.againMs === null ? null : new Date(change.againMs),
        finished_at: change.state === 'waiting' ? null : now,
      })
    const turn = tell.find((it) => it.stationId === row.station_id)
    if (!turn) continue
    const { commandId, ...refused } = await tellStation(tx, context, rollout, row, { now, timeoutMs })
    if (commandId === undefined) {
      written.push({ ...row, ...refused })
      continue
    }
    written.push({
      ...row,
      state: 'updating',
      held_by: null,
      canary: turn.canary,
      wave,
      command_id: commandId,
      told_at: now,
      deadline_at: new Date(nowMs + timeoutMs + (rollout.version === null ? OUTCOME_WAIT_MS : 0)),
      again_at: null,
    })
  }
  return written
}

/** Writes the command for one station; else how its row is to be, as it cannot be told now. */
async function tellStation(
  tx: TransactionSql,
  context: ServiceContext,
  rollout: RolloutRow,
  { station_id: stationId, site_id: siteId }: RolloutStationView,
  { now, timeoutMs }: { now: Date; timeoutMs: number },
): Promise<{ commandId: string } | ({ commandId?: undefined } & Partial<RolloutStationRow>)> {
  const { eventLog, random } = context
  const { tenant_id: tenantId, kind } = rollout
  const of = { tenantId, stationId, siteId }
  if (kind !== 'UpdateFirmware' && (await changeUnderWay(tx, of, SECURITY_CHANGES)) !== undefined)
    return { held_by: 'again-later', again_at: new Date(now.getTime() + AGAIN_MS) }
  const commandId = random.uuid()
  const password = kind === 'RotatePassword' ? passwordOf({}, random) : undefined
  const hash = password && (await hashPassword(password, (n) => random.bytes(n)))
  try {
    if (hash) await beginRotation(tx, of, hash, commandId, { eventLog, at: now, trace: undefined })
  } catch (error) {
    // It says so before it writes anything.
    if (!(error instanceof ProblemError)) throw error
    return { state: 'failed', held_by: null, reason: error.message, finished_at: now }
  }
  await writeCommand(tx, context, commandId, {
    ...of,
    kind,
    args: { ...argsOf(rollout, now), ...(password === undefined ? {} : { password }) },
    ttlMs: timeoutMs,
    actor: rollout.created_by,
    trace: undefined,
  })
  return { commandId }
}

/** What a station is told; its site sees to it that no session runs where none shall be disturbed. */
export function argsOf(
  rollout: Pick<
    RolloutRow,
    'kind' | 'args' | 'firmware_id' | 'location' | 'signature' | 'signing_certificate' | 'policy'
  >,
  now: Date,
): object {
  const sparing = rollout.policy.whileCharging ? {} : { whileCharging: false }
  if (rollout.kind !== 'UpdateFirmware') return { ...rollout.args, ...sparing }
  const { firmware_id: firmwareId, location, signature, signing_certificate: signingCertificate } = rollout
  return {
    ...(firmwareId === null ? { location } : { firmwareId }),
    ...(signature === null ? {} : { signature, signingCertificate }),
    retrieveAt: now.toISOString(),
    ...sparing,
  }
}

async function writeRollout(
  tx: TransactionSql,
  { clock, eventLog }: ServiceContext,
  rollout: RolloutRow,
  { halted, wave, isThrough, isQuiet }: Step,
  lookMs: number,
): Promise<void> {
  const now = new Date(clock.now())
  const isOn = rollout.status === 'running' || rollout.status === 'paused'
  const status = halted ? 'halted' : isOn && isThrough ? 'completed' : rollout.status
  const open = status === 'running' || !isQuiet
  await tx`
    update station.rollout set status = ${status}, wave = ${wave}, open = ${open}, look_at = ${new Date(lookMs)},
           status_since = ${status === rollout.status ? rollout.status_since : now},
           halts = ${rollout.halts + (halted ? 1 : 0)}, reason = ${halted?.reason ?? rollout.reason}
     where rollout_id = ${rollout.rollout_id}`
  if (!halted) return
  const what = rollout.name === null ? '' : ` "${rollout.name}"`
  await eventLog.publish(tx, {
    tenantId: rollout.tenant_id,
    siteId: null,
    kind: 'alert.raised',
    at: now.toISOString(),
    stationId: halted.stationId,
    data: {
      alertId: haltAlertId(rollout.rollout_id, rollout.halts + 1),
      rule: 'rollout-halted',
      severity: 'critical',
      text: `The roll-out${what} of ${rollout.version === null ? rollout.kind : `firmware ${rollout.version}`} is halted: ${halted.reason}. No further station is told; see /api/v1/rollouts/${rollout.rollout_id}/stations, then resume or cancel it.`,
    },
  })
}

/** Each halt is an alert of its own. */
export function haltAlertId(rolloutId: string, halt: number): string {
  return `rollout-halted:${rolloutId}:${halt}`
}

function stationNow(row: RolloutStationView): StationNow {
  return {
    stationId: row.station_id,
    siteId: row.site_id,
    state: row.state,
    reason: row.reason,
    deadlineMs: row.deadline_at?.getTime() ?? null,
    againMs: row.again_at?.getTime() ?? null,
    isThere: row.is_there,
    isConnected: row.is_connected,
    isCharging: row.is_charging,
    firmware: row.firmware,
    bootedMs: row.booted_at?.getTime() ?? null,
    command: row.command ?? undefined,
  }
}
