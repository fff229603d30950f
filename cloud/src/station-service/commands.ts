/** Intentions for stations: issued, waited for, and ended when nothing is heard. */
import type { CommandResource } from '@switchyard/protocol/api/commands.ts'
import { COMMANDS, type CommandKind } from '@switchyard/protocol/command/commands.ts'
import { withoutSecrets } from '@switchyard/protocol/command/secrets.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import { MAX_TTL_MS } from '@switchyard/protocol/site/command.ts'
import { live as liveShape } from '@switchyard/protocol/site/live.ts'
import { MESSAGES_KIND, MESSAGES_TTL_MS } from '@switchyard/protocol/site/messages.ts'
import type { JSONValue, TransactionSql } from 'postgres'
import { BUS } from '../platform/bus.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { storable } from '../platform/event-log/storable.ts'
import { seal } from '../platform/sealed.ts'
import type { ServiceContext } from '../platform/service.ts'
import { foundStation } from './found-station.ts'
import { markOutcome } from './project-command.ts'
import { type CommandRow, expireCommands, findCommand, insertCommand } from './queries.ts'

/** How long after its expiry an outcome is still awaited before silence is given a name. */
export const OUTCOME_GRACE_MS = 10_000
/** How often commands past that are looked for. */
const SWEEP_MS = 5_000
/** A waiter looks at the row itself this often, in case a wake-up was lost. */
const WAIT_POLL_MS = 1_000

export interface Issue {
  tenantId: string
  stationId: string
  kind: CommandKind | typeof MESSAGES_KIND
  args: unknown
  ttlMs: number | undefined
  actor: string
  trace: string | undefined
  /** Written with it, in one transaction, and before it. */
  first?: (tx: TransactionSql, of: { siteId: string; at: Date }) => Promise<void>
}

/** Writes the command and tells site-gateway through the log. Throws 404 when the tenant has no such station. */
export async function issueCommand(
  context: ServiceContext,
  commandId: string,
  issue: Issue,
): Promise<{ commandId: string; siteId: string; expiresAtMs: number }> {
  const { sql, eventLog } = context
  const { tenantId, stationId } = issue
  const { site_id: siteId } = await foundStation(sql, tenantId, stationId)
  const { expiresAtMs } = await sql.begin((tx) => writeCommand(tx, context, commandId, { ...issue, siteId }))
  eventLog.wake()
  return { commandId, siteId, expiresAtMs }
}

/** The same within a transaction: the log is to be woken once it has committed. */
export async function writeCommand(
  tx: TransactionSql,
  { clock, eventLog, config, random }: ServiceContext,
  commandId: string,
  { tenantId, siteId, stationId, kind, args, ttlMs, actor, trace, first }: Issue & { siteId: string },
): Promise<{ expiresAtMs: number }> {
  const issuedAtMs = clock.now()
  const usualTtlMs = kind === MESSAGES_KIND ? MESSAGES_TTL_MS : COMMANDS[kind].about.ttlMs
  const expiresAtMs = issuedAtMs + Math.min(ttlMs ?? usualTtlMs, MAX_TTL_MS)
  const command = {
    id: commandId,
    stationId,
    kind,
    args: args as never,
    issuedAt: new Date(issuedAtMs).toISOString(),
    expiresAt: new Date(expiresAtMs).toISOString(),
    ...(trace === undefined ? {} : { trace }),
  }
  // A password is shown to nobody, and lies in the log only as what site-gateway can open.
  const shown = withoutSecrets(command.args as Json)
  const hidden =
    shown === command.args
      ? command
      : {
          ...command,
          args: { sealed: seal(JSON.stringify(args), config.serviceKey, (n) => random.bytes(n)) } as never,
        }
  await first?.(tx, { siteId, at: new Date(issuedAtMs) })
  await insertCommand(tx, {
    command: { ...command, args: shown as never },
    tenantId,
    siteId,
    actor,
  })
  await eventLog.publish(tx, {
    tenantId,
    siteId,
    stationId,
    kind: 'command.requested',
    at: command.issuedAt,
    data: { command: hidden },
    ...(trace === undefined ? {} : { trace }),
  })
  return { expiresAtMs }
}

/**
 * Waits until the command has an outcome: from its row, or earlier from the site's live picture, which is then written to
 * the row. Undefined when there is none by `deadlineMs`, or the caller has gone.
 */
export async function awaitOutcome(
  { sql, bus, clock, log }: ServiceContext,
  { tenantId, siteId, commandId }: { tenantId: string; siteId: string; commandId: string },
  deadlineMs: number,
  gone: AbortSignal,
): Promise<CommandRow | undefined> {
  let wake: () => void = () => {}
  const stopOutcome = bus.subscribe(BUS.outcome(commandId), () => wake())
  const stopLive = bus.subscribe(BUS.live(tenantId), (message) => {
    const picture = liveShape.safeParse(message)
    const outcome = picture.data?.outcomes.find((o) => o.commandId === commandId)
    if (outcome === undefined) return
    sql
      .begin((tx) => markOutcome(tx, siteId, storable(outcome), new Date(clock.now())))
      .then(() => wake())
      .catch((err: unknown) =>
        log.warn({ err, commandId }, 'an early outcome was not written; the fact will be'),
      )
  })
  try {
    for (;;) {
      const waited = new Promise<void>((resolve) => {
        const cancel = clock.after(WAIT_POLL_MS, resolve)
        wake = () => {
          cancel()
          resolve()
        }
      })
      const row = await findCommand(sql, tenantId, commandId)
      if (row !== undefined && row.status !== 'pending') return row
      if (clock.now() >= deadlineMs || gone.aborted) return undefined
      await waited
    }
  } finally {
    wake()
    stopOutcome()
    stopLive()
  }
}

/** Ends commands past expiry and grace. */
export function startExpirySweep({ sql, bus, clock, log }: ServiceContext): Loop {
  return createLoop({
    clock,
    log,
    name: 'expiry of commands',
    pollMs: SWEEP_MS,
    work: async () => {
      const now = clock.now()
      const ended = await expireCommands(sql, new Date(now - OUTCOME_GRACE_MS), new Date(now))
      for (const commandId of ended) bus.publish(BUS.outcome(commandId), { commandId })
      return false
    },
  })
}

/** What the cloud makes of silence, in words. */
function silenceOf(status: CommandResource['status']): CommandResource['error'] {
  if (status === 'unknown')
    return {
      code: 'NoOutcome',
      description:
        'It may have reached the site, and nothing was heard of it: look whether it took effect before trying again',
    }
  if (status === 'expired')
    return {
      code: 'NotDelivered',
      description: 'Its time was over before it could reach the station; nothing happened',
    }
  return null
}

export function commandResource(row: CommandRow): CommandResource {
  return {
    commandId: row.command_id,
    siteId: row.site_id,
    stationId: row.station_id,
    kind: row.kind,
    args: row.args as Exclude<JSONValue, undefined> as CommandResource['args'],
    issuedAt: row.issued_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    status: row.status,
    reply: row.reply as CommandResource['reply'],
    error: row.error ?? silenceOf(row.status),
    finishedAt: row.finished_at?.toISOString() ?? null,
    progress: row.progress,
  }
}
