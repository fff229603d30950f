/**
 * Brings the monitors of a 2.x station to what is wanted (N02, N04, N06): reads those of the variables in question, sets what is missing,
 * replaces those of the site's own that differ, and clears those of its own that are not wanted any more. What others have set, and what is
 * built in, is left as it is.
 */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { monitorKey, type WantedMonitor } from '@switchyard/protocol/site/monitor.ts'
import { nameInReport, settingKey } from '@switchyard/protocol/site/setting.ts'
import type { KeptMonitor, MonitorWish } from '../station/wanted-monitors.ts'
import { type Call, type CallOutcome, whyUnanswered } from './calls.ts'
import { inGroups } from './in-groups.ts'
import { componentVariable, whyNoVariable } from './v201/component-variable.ts'

export interface MonitorLine {
  version: OcppVersion
  call: Call
  /** Items that the station takes in one message; undefined: it has not told. */
  itemsPerMessage(action: string): number | undefined
  /** Its report of the monitors of these variables (GetMonitoringReport); undefined: it gives none, or not the whole. */
  report(componentVariable: object[]): Promise<unknown[] | undefined>
  /** Makes durable which monitors the site has set; resolves when that is so. */
  keep(monitors: readonly KeptMonitor[]): Promise<void>
}

/** Variables in one request for a report: what comes of it stays well within MAX_REPORT_BYTES. */
const VARIABLES_PER_REPORT = 10
/** Of a station's word, which has passed no schema. */
const MAX_WORD_CHARS = 100

type Settled = FactData<'station.monitors'>

interface Found {
  id: number
  value: number
  transaction: boolean
}

/** Never throws; what the station would not take is told, in the order of the wishes. */
export async function settleMonitors(
  line: MonitorLine,
  wishes: readonly MonitorWish[],
  known: readonly KeptMonitor[],
): Promise<Settled> {
  const settled: Settled = { applied: [], deviations: [] }
  const fit = wishes.filter((wish) => {
    const reason = unfit(wish.monitor, line.version)
    if (reason !== undefined) settled.deviations.push({ ...told(wish), reason })
    return reason === undefined
  })
  if (line.version === '1.6') return settled
  const found = await reported(line, [
    ...fit.map(({ monitor }) => monitor),
    ...known.map(({ monitor }) => monitor),
  ])
  // What the station does not have under the id any more, it may have given to another one.
  let kept = found ? known.flatMap((it) => stillThere(it, found.get(monitorKey(it.monitor)))) : [...known]
  if (kept.length < known.length || kept.some((it, i) => it !== known[i])) await line.keep(kept)
  const wanted = new Set(fit.map(({ monitor }) => monitorKey(monitor)))
  const unwanted = kept.filter(({ monitor }) => !wanted.has(monitorKey(monitor)))
  const gone = await clear(line, unwanted, settled)
  kept = kept.filter((it) => !gone.has(it))
  if (gone.size > 0) await line.keep(kept)

  const open: MonitorWish[] = []
  for (const wish of fit) {
    const key = monitorKey(wish.monitor)
    const own = kept.find(({ monitor }) => monitorKey(monitor) === key)
    const there = found ? found.get(key) : asFound(own)
    if (there && isSame(there, wish.monitor) && isSameStream(own, wish.monitor))
      settled.applied.push({ ...told(wish), monitorId: there.id })
    else open.push(wish)
  }
  for (const part of inGroups(open, line.itemsPerMessage('SetVariableMonitoring') ?? 1)) {
    const setMonitoringData = part.map(({ monitor }) => asInOcpp(monitor, idOf(kept, monitor)))
    // Known as the site's own before the station can have it: an answer may be lost, and so may what we do with it.
    const asked = part.flatMap(({ monitor }) => (idOf(kept, monitor) === undefined ? [{ monitor }] : []))
    kept = [...without(kept, asked), ...asked]
    if (asked.length > 0) await line.keep(kept)
    const outcome = await line.call('SetVariableMonitoring', { setMonitoringData })
    const results = resultsIn(outcome, part)
    if (outcome.status !== 'unknown') kept = without(kept, asked)
    for (const [index, wish] of part.entries()) {
      const { status, id } = results[index]!
      const monitorId = id ?? idOf(kept, wish.monitor)
      if (status !== 'Accepted' || monitorId === undefined) {
        const there = found?.get(monitorKey(wish.monitor))
        const reason = status === 'Accepted' ? 'accepted, but without an id' : status
        settled.deviations.push({ ...told(wish), ...(there ? { found: there.value } : {}), reason })
        continue
      }
      settled.applied.push({ ...told(wish), monitorId })
      kept = [...without(kept, [wish]), { id: monitorId, monitor: wish.monitor }]
    }
    await line.keep(kept)
  }
  return settled
}

/** Why the version cannot say such a monitor; undefined where it can. */
function unfit(monitor: WantedMonitor, version: OcppVersion): string | undefined {
  const { type, eventStream } = monitor
  if (version === '1.6') return 'OCPP 1.6 has no monitors of variables'
  const isOf21 = type === 'TargetDelta' || type === 'TargetDeltaRelative' || eventStream !== undefined
  if (isOf21 && version === '2.0.1')
    return `OCPP 2.0.1 has no ${eventStream === undefined ? type : 'event streams'}`
  return whyNoVariable(monitor)
}

function told({ monitor, source }: MonitorWish) {
  return { ...monitor, source }
}

/** For a station that gives no report. */
function asFound(own: KeptMonitor | undefined): Found | undefined {
  if (own?.id === undefined) return undefined
  const { value, transaction = false } = own.monitor
  return { id: own.id, value, transaction }
}

/** What is known to be the site's own, by what the station has: one whose answer was lost is, where it is there as it was asked for. */
function stillThere(own: KeptMonitor, there: Found | undefined): KeptMonitor[] {
  if (own.id !== undefined) return there?.id === own.id ? [own] : []
  return there && isSame(there, own.monitor) ? [{ ...own, id: there.id }] : []
}

function without(
  kept: readonly KeptMonitor[],
  others: readonly Pick<KeptMonitor, 'monitor'>[],
): KeptMonitor[] {
  const keys = new Set(others.map(({ monitor }) => monitorKey(monitor)))
  return kept.filter(({ monitor }) => !keys.has(monitorKey(monitor)))
}

function isSame(found: Found, { value, transaction = false }: WantedMonitor): boolean {
  return found.value === value && found.transaction === transaction
}

/** A report does not tell streams: for one of the site's own it is known how it was set. */
function isSameStream(own: KeptMonitor | undefined, { eventStream }: WantedMonitor): boolean {
  return own === undefined || JSON.stringify(own.monitor.eventStream) === JSON.stringify(eventStream)
}

function idOf(kept: readonly KeptMonitor[], monitor: WantedMonitor): number | undefined {
  return kept.find((it) => monitorKey(it.monitor) === monitorKey(monitor))?.id
}

function asInOcpp(monitor: WantedMonitor, id: number | undefined): object {
  const { type, value, severity, transaction = false, eventStream } = monitor
  const { intervalS, valuesPerMessage } = eventStream ?? {}
  const params = {
    ...(intervalS === undefined ? {} : { interval: intervalS }),
    ...(valuesPerMessage === undefined ? {} : { values: valuesPerMessage }),
  }
  return {
    ...(id === undefined ? {} : { id }),
    ...componentVariable(monitor),
    ...{ type, value, severity, transaction },
    ...(eventStream === undefined ? {} : { periodicEventStream: params }),
  }
}

/** By monitorKey; undefined where the station does not tell what it has. */
async function reported(
  line: MonitorLine,
  monitors: readonly WantedMonitor[],
): Promise<Map<string, Found> | undefined> {
  const variables = new Map(monitors.map((it) => [settingKey(it), componentVariable(it)]))
  const found = new Map<string, Found>()
  for (const part of inGroups([...variables.values()], VARIABLES_PER_REPORT)) {
    const items = await line.report(part)
    if (items === undefined) return undefined
    for (const item of items) takeReported(item, found)
  }
  return found
}

interface Said {
  component?: { evse?: { id?: number; connectorId?: number } }
  variable?: unknown
  variableMonitoring?: unknown
  type?: WantedMonitor['type']
  severity?: number
}

function takeReported(item: unknown, found: Map<string, Found>): void {
  const said = (item ?? {}) as Said
  for (const monitor of listOf(said.variableMonitoring)) {
    const { id, type, value, severity, transaction } = (monitor ?? {}) as Record<string, unknown>
    const key = keyIn({ ...said, type: type as WantedMonitor['type'], severity: severity as number })
    if (key === undefined || !Number.isSafeInteger(id) || typeof value !== 'number') continue
    found.set(key, { id: id as number, value, transaction: transaction === true })
  }
}

/** The key of a monitor as a station names it; undefined where it names none. */
function keyIn({ component, variable, type, severity }: Said): string | undefined {
  const name = nameInReport(component, variable)
  if (name === undefined || type === undefined || severity === undefined) return undefined
  const { id: evseId, connectorId } = component?.evse ?? {}
  return monitorKey({ name, evseId, connectorId, type, severity })
}

/** The station's word on each: by what it names, as stations need not keep the order; one that names nothing, by its place. */
function resultsIn(outcome: CallOutcome, part: readonly MonitorWish[]): { status: string; id?: number }[] {
  if (outcome.status !== 'answered') return part.map(() => ({ status: whyUnanswered(outcome) }))
  const results = listOf((outcome.payload as { setMonitoringResult?: unknown }).setMonitoringResult)
  const byKey = new Map(results.map((it) => [keyIn((it ?? {}) as Said), it]))
  return part.map(({ monitor }, index) => {
    const result = byKey.get(monitorKey(monitor)) ?? results[index]
    const { status, id } = (result ?? {}) as { status?: unknown; id?: unknown }
    return {
      status: typeof status === 'string' ? status.slice(0, MAX_WORD_CHARS) : 'no status',
      ...(Number.isSafeInteger(id) ? { id: id as number } : {}),
    }
  })
}

/** Those that are gone: cleared, or not known to the station, or such as nobody has ever heard the id of. */
async function clear(
  line: MonitorLine,
  unwanted: readonly KeptMonitor[],
  settled: Settled,
): Promise<Set<KeptMonitor>> {
  const gone = new Set(unwanted.filter(({ id }) => id === undefined))
  const named = unwanted.filter(({ id }) => id !== undefined)
  for (const part of inGroups(named, line.itemsPerMessage('ClearVariableMonitoring') ?? 1)) {
    const outcome = await line.call('ClearVariableMonitoring', { id: part.map(({ id }) => id) })
    const results =
      outcome.status === 'answered'
        ? listOf((outcome.payload as { clearMonitoringResult?: unknown }).clearMonitoringResult)
        : []
    for (const own of part) {
      const { id, monitor } = own
      const result = results.find((it) => (it as { id?: unknown } | null)?.id === id)
      const said = (result as { status?: unknown } | undefined)?.status
      if (said === 'Accepted' || said === 'NotFound') gone.add(own)
      else {
        const why = outcome.status === 'answered' ? String(said ?? 'no status') : whyUnanswered(outcome)
        settled.deviations.push({
          ...monitor,
          found: monitor.value,
          reason: `not cleared: ${why}`.slice(0, MAX_WORD_CHARS),
        })
      }
    }
  }
  return gone
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
