/**
 * Carries roll-outs of firmware on. Any process may take the next step of one: it locks the row of the roll-out, and what the step
 * decides, the commands that it tells stations by among it, is committed with it or not at all.
 */

import { MAX_ROLLOUT_STATIONS } from '@switchyard/protocol/api/rollouts.ts'
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import { writeCommand } from './commands.ts'
import { nextStep, type StationNow, type Step } from './rollout-decide.ts'
import {
  type RolloutRow,
  type RolloutStationRow,
  type RolloutStationView,
  stationsOfRollout,
  writeStations,
} from './rollout-queries.ts'

/** An open roll-out is looked at this often, whoever does it. */
export const LOOK_MS = 2_000
/** Roll-outs that one process looks at in a row; the others are for the next round, or for another process. */
const AT_ONCE = 50

export function startRollouts(context: ServiceContext): Loop {
  const { clock, log, sql, eventLog } = context
  return createLoop({
    clock,
    log,
    name: 'roll-outs of firmware',
    pollMs: LOOK_MS,
    work: async () => {
      const due = await sql<{ rollout_id: string }[]>`
        select rollout_id from station.rollout where open and looked_at <= ${new Date(clock.now() - LOOK_MS)}
         order by looked_at limit ${AT_ONCE}`
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
          where rollout_id = ${rolloutId} and open and looked_at <= ${new Date(nowMs - LOOK_MS)}
            for update skip locked)
      returning *`
    if (rollout === undefined) return false
    const rows = await stationsOfRollout(tx, { rolloutId, limit: MAX_ROLLOUT_STATIONS })
    const step = nextStep(rollout, rows.map(stationNow), nowMs)
    await writeStations(tx, await told(tx, context, rollout, rows, step))
    await writeRollout(tx, context, rollout, step)
    return step.tell.length > 0 || step.halted !== undefined
  })
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
  for (const row of rows) {
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
    const commandId = context.random.uuid()
    await writeCommand(tx, context, commandId, {
      tenantId: rollout.tenant_id,
      siteId: row.site_id,
      stationId: row.station_id,
      kind: 'UpdateFirmware',
      args: updateArgs(rollout, now),
      ttlMs: timeoutMs,
      actor: rollout.created_by,
      trace: undefined,
    })
    written.push({
      ...row,
      state: 'updating',
      held_by: null,
      canary: turn.canary,
      wave,
      command_id: commandId,
      told_at: now,
      deadline_at: new Date(nowMs + timeoutMs),
      again_at: null,
    })
  }
  return written
}

/** What a station is told; its site sees to it that no session runs where none shall be disturbed. */
export function updateArgs(
  rollout: Pick<RolloutRow, 'firmware_id' | 'location' | 'signature' | 'signing_certificate' | 'policy'>,
  now: Date,
): object {
  const { firmware_id: firmwareId, location, signature, signing_certificate: signingCertificate } = rollout
  return {
    ...(firmwareId === null ? { location } : { firmwareId }),
    ...(signature === null ? {} : { signature, signingCertificate }),
    retrieveAt: now.toISOString(),
    ...(rollout.policy.whileCharging ? {} : { whileCharging: false }),
  }
}

async function writeRollout(
  tx: TransactionSql,
  { clock, eventLog }: ServiceContext,
  rollout: RolloutRow,
  { halted, wave, isThrough, isQuiet }: Step,
): Promise<void> {
  const now = new Date(clock.now())
  const isOn = rollout.status === 'running' || rollout.status === 'paused'
  const status = halted ? 'halted' : isOn && isThrough ? 'completed' : rollout.status
  const open = status === 'running' || !isQuiet
  await tx`
    update station.rollout set status = ${status}, wave = ${wave}, open = ${open},
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
      text: `The roll-out${what} of firmware ${rollout.version} is halted: ${halted.reason}. No further station is told; see /api/v1/rollouts/${rollout.rollout_id}/stations, then resume or cancel it.`,
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
