/**
 * What stations say of the firmware updates and uploads that commands asked for (2.x use cases L01 to L03, N01; 1.6 sections 4.3, 4.5
 * and its security extension): kept with the command.
 */
import type { CommandProgress } from '@switchyard/protocol/api/commands.ts'
import type { JSONValue, TransactionSql } from 'postgres'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import { timeOf } from './time-of.ts'

/** What is kept of what a station has said; the oldest goes first. The same word again and again is one. */
export const MAX_PROGRESS = 24
/** No word of a station is longer. */
const MAX_STATUS_CHARS = 64
/** Said when nothing goes on: the answer to a TriggerMessage, about no request. */
const IDLE = 'Idle'

/** Notification -> what may have asked for it: a kind of command, or an action of a raw call. */
const ASKED_BY: Readonly<Record<string, readonly string[]>> = {
  FirmwareStatusNotification: ['UpdateFirmware', 'SignedUpdateFirmware'],
  SignedFirmwareStatusNotification: ['UpdateFirmware', 'SignedUpdateFirmware'],
  PublishFirmwareStatusNotification: ['PublishFirmware'],
  LogStatusNotification: ['GetLog', 'GetDiagnostics'],
  DiagnosticsStatusNotification: ['GetDiagnostics'],
}

/** The id by which a station will refer to a request: of the arguments of a command, of those of a raw call, or of a reply. */
export function requestIdIn(value: unknown): number | null {
  const { requestId, payload } = (value ?? {}) as { requestId?: unknown; payload?: unknown }
  const given = requestId ?? (payload as { requestId?: unknown } | null | undefined)?.requestId
  return Number.isInteger(given) && Math.abs(given as number) < 2 ** 31 ? (given as number) : null
}

/**
 * Without an id (1.6) it is of the newest such command that the station may have. With one, of the newest with that id, or, as its
 * answer may still be on the way, of the newest that waits for it.
 */
export async function projectProgress(
  tx: TransactionSql,
  { tenantId, siteId, journal, position, receivedAt }: LogEntry,
  fact: ReadEntry,
): Promise<void> {
  if (fact.kind !== 'station.event' || siteId === null || !journal?.authority) return
  for (const event of fact.data.events) {
    const { action, status, requestId } = (event ?? {}) as Record<string, unknown>
    const asked = typeof action === 'string' && Object.hasOwn(ASKED_BY, action) ? ASKED_BY[action]! : []
    if (asked.length === 0 || typeof status !== 'string' || status === IDLE) continue
    const id = requestIdIn({ requestId })
    const [command] = await tx<{ command_id: string; progress: CommandProgress | null }[]>`
      select command_id, progress from station.command
       where tenant_id = ${tenantId} and station_id = ${fact.stationId ?? ''} and site_id = ${siteId}
         and kind in ('UpdateFirmware', 'PublishFirmware', 'GetLog', 'GetDiagnostics', 'ocpp.call')
         and (kind = any(${asked as string[]}) or (kind = 'ocpp.call' and args ->> 'action' = any(${asked as string[]})))
         and ${id === null ? tx`status in ('pending', 'accepted', 'unknown')` : tx`(request_id = ${id} or (request_id is null and status = 'pending'))`}
       order by ${id === null ? tx`` : tx`coalesce(request_id = ${id}, false) desc, `}issued_at desc, command_id desc limit 1`
    if (command === undefined) continue
    const progress = progressAfter(command.progress, {
      status: status.slice(0, MAX_STATUS_CHARS),
      at: timeOf(fact.at, receivedAt).toISOString(),
    })
    await tx`
      update station.command set progress = ${tx.json(progress as unknown as JSONValue)}, progress_position = ${position},
             request_id = coalesce(request_id, ${id}::int)
       where command_id = ${command.command_id} and progress_position < ${position}`
  }
}

function progressAfter(
  before: CommandProgress | null,
  said: { status: string; at: string },
): CommandProgress {
  const history = before?.history ?? []
  const isNews = history.at(-1)?.status !== said.status
  return { ...said, history: isNews ? [...history, said].slice(-MAX_PROGRESS) : history }
}
