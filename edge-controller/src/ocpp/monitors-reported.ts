/** A station's report of the monitors of some variables (N02), asked for by the site itself. */
import type { Json } from '@switchyard/protocol/json.ts'
import { type Execute, lifeOf } from '../execute.ts'

/** So long the station has for the whole report, ms. */
const REPORT_WITHIN_MS = 60_000

/** Items as in NotifyMonitoringReport; undefined: it gives none, or not the whole. Never rejects. */
export async function monitorsReported(
  execute: Execute,
  stationId: string,
  nowMs: number,
  componentVariable: object[],
): Promise<unknown[] | undefined> {
  const life = lifeOf(nowMs, REPORT_WITHIN_MS)
  const args = { componentVariable: componentVariable as Json[] }
  const asked = { id: 'monitors', stationId, kind: 'GetMonitoringReport', args, ...life }
  const { status, reply } = await execute(asked, REPORT_WITHIN_MS)
  // None of these variables has a monitor.
  if (reply?.status === 'EmptyResultSet') return []
  const isWhole = status === 'accepted' && reply?.complete === true && reply.more === undefined
  return isWhole && Array.isArray(reply.report) ? reply.report : undefined
}
