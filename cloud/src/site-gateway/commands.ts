/** Commands on their way to sites: sent when the site is there, and again until an outcome has arrived. */
import { COMMAND_KINDS, mayRepeat } from '@switchyard/protocol/command/commands.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { TransactionSql } from 'postgres'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import { open } from '../platform/sealed.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Send } from './down.ts'

/**
 * A command without an outcome is sent again after this, then after twice as long, and so on: it may wait for its station for a day.
 * The site knows duplicates by their id.
 */
export const RESEND_MS = 10_000
export const MAX_RESEND_MS = 600_000
/** How long after its expiry the command is forgotten here. */
const FORGET_AFTER_MS = 60_000
/** Most commands in one sending. */
const MAX_SENDING = 500

export interface Commands {
  /** Keeps a command; within the projection's transaction. */
  keep(tx: TransactionSql, siteId: string, tenantId: string, command: Command): Promise<void>
  settled(tx: TransactionSql, siteId: string, commandId: string): Promise<void>
  /** Sends what is due to these sites (all that are online, without a list); gives how many. `again`: also what was sent just before, for a new conversation. */
  flush(siteIds?: string[], again?: boolean): Promise<number>
  start(): Loop
}

interface Due {
  site_id: string
  journal_id: string
  epoch: number
  nonce: string
  command: string
}

export function createCommands({ sql, clock, log, eventLog, config }: ServiceContext, send: Send): Commands {
  const sentElsewhere = () => sql`(
    p.sent_journal is not null
    and (p.sent_journal <> l.journal_id or p.sent_epoch <> l.epoch
         or (p.sent_boot <> l.boot_id and p.command::json ->> 'kind' <> all(${COMMAND_KINDS.filter(mayRepeat)}::text[]))))`

  /** As long after the last sending as that was after the command was issued, within bounds. */
  const isDueAgain = (now: Date) => sql`
    due.sent_at + least(
      greatest(due.sent_at - (due.command::json ->> 'issuedAt')::timestamptz, ${RESEND_MS} * interval '1 ms'),
      ${MAX_RESEND_MS} * interval '1 ms') <= ${now}`

  /** With its secrets, as the site gets it; undefined when they were sealed under another service key. */
  function opened(command: Command): Command | undefined {
    const { sealed } = command.args as { sealed?: unknown }
    if (typeof sealed !== 'string') return command
    try {
      return { ...command, args: JSON.parse(open(sealed, config.serviceKey)) }
    } catch (err) {
      log.error({ err, commandId: command.id }, 'a command was sealed under another service key: not sent')
      return undefined
    }
  }

  async function flush(siteIds?: string[], again = false): Promise<number> {
    await abandon(siteIds)
    const now = new Date(clock.now())
    // Marked before it is sent: what may have reached the site is never said to be unsent.
    const due = await sql<Due[]>`
      update site_gateway.pending_command p
         set sent_at = ${now}, sent_journal = l.journal_id, sent_epoch = l.epoch, sent_boot = l.boot_id
        from site_gateway.site s join site_gateway.lane l on l.site_id = s.site_id and l.journal_id = s.journal_id
       where p.site_id = s.site_id and p.command_id in (
         select due.command_id from site_gateway.pending_command due
           join site_gateway.site there on there.site_id = due.site_id and there.online
          where (${siteIds === undefined} or due.site_id = any(${siteIds ?? []}::text[]))
            and not due.settled and due.expires_at > ${now} and (due.sent_at is null or ${again} or ${isDueAgain(now)})
          order by due.expires_at limit ${MAX_SENDING} for update of due skip locked)
         and not ${sentElsewhere()}
      returning s.site_id, l.journal_id, l.epoch, l.nonce, p.command`
    for (const it of due) {
      const to = { siteId: it.site_id, journalId: it.journal_id, epoch: it.epoch, nonce: it.nonce }
      const command = opened(JSON.parse(it.command) as Command)
      if (command) send(to, 'command', { command })
    }
    return due.length
  }

  /**
   * What was sent to another journal, before authority was granted anew, or to another boot of the controller (which may be another
   * box with a copy of the card) may have had its effect there, and whoever is there now cannot know: it is not sent again, and its
   * outcome is unknown unless the site tells it after all. What may be repeated goes to another boot as well.
   */
  async function abandon(siteIds: string[] | undefined): Promise<void> {
    const abandoned = (await sql.begin(async (tx) => {
      const rows = await tx<{ command_id: string; tenant_id: string; site_id: string; command: string }[]>`
        update site_gateway.pending_command p set settled = true
          from site_gateway.site s, site_gateway.lane l
         where s.site_id = p.site_id and l.site_id = s.site_id and l.journal_id = s.journal_id
           and (${siteIds === undefined} or p.site_id = any(${siteIds ?? []}::text[]))
           and not p.settled and ${sentElsewhere()}
        returning p.command_id, p.tenant_id, p.site_id, p.command`
      await eventLog.publishAll(
        tx,
        rows.map((it) => ({
          tenantId: it.tenant_id,
          siteId: it.site_id,
          stationId: (JSON.parse(it.command) as Command).stationId,
          kind: 'command.abandoned' as const,
          at: new Date(clock.now()).toISOString(),
          data: {
            commandId: it.command_id,
            reason: 'another controller, journal or start of it speaks for the site since it was sent',
          },
        })),
      )
      return rows.length
    })) as number
    if (abandoned > 0) eventLog.wake()
  }

  return {
    flush,
    async keep(tx, siteId, tenantId, command) {
      await tx`
        insert into site_gateway.pending_command (command_id, tenant_id, site_id, expires_at, command)
        values (${command.id}, ${tenantId}, ${siteId}, ${command.expiresAt}, ${JSON.stringify(command)})
        on conflict (command_id) do nothing`
    },
    async settled(tx, siteId, commandId) {
      await tx`update site_gateway.pending_command set settled = true
        where command_id = ${commandId} and site_id = ${siteId}`
    },
    start() {
      return createLoop({
        clock,
        log,
        name: 'commands',
        pollMs: RESEND_MS,
        work: async () => {
          await sql`delete from site_gateway.pending_command
            where expires_at < ${new Date(clock.now() - FORGET_AFTER_MS)}`
          return (await flush()) === MAX_SENDING
        },
      })
    },
  }
}
