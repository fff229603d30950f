/** What a station tells of itself as a distributed energy resource (2.1, block R): alarms, controls that begin or end, and those that it has. */
import { instant, parseInstant } from '@switchyard/protocol/instant.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type {
  NotifyDERAlarmRequest,
  NotifyDERStartStopRequest,
  ReportDERControlRequest,
} from '@switchyard/protocol/ocpp/v21.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { Draft } from '../../draft.ts'
import { inParts } from '../../station/station-event.ts'
import { exactIds } from '../exact-ids.ts'
import type { Decision, HandlerContext } from '../handler.ts'

type Control = FactData<'station.der-controls'>['controls'][number]

export function derAlarm(
  { state, stationId, at }: HandlerContext,
  { controlType, gridEventFault, alarmEnded = false, timestamp, extraInfo }: NotifyDERAlarmRequest,
): Decision {
  const draft = new Draft(state)
  draft.fact({
    kind: 'station.der-alarm',
    stationId,
    data: {
      controlType,
      ...(gridEventFault === undefined ? {} : { fault: gridEventFault }),
      ended: alarmEnded,
      at: instant(parseInstant(timestamp) ?? at.nowMs),
      ...(extraInfo === undefined ? {} : { info: extraInfo }),
    },
  })
  return { reply: {}, outcome: draft.outcome() }
}

export function derStartStop(
  { state, stationId, at }: HandlerContext,
  { controlId, started, timestamp, supersededIds = [] }: NotifyDERStartStopRequest,
): Decision {
  const draft = new Draft(state)
  const switchedAt = instant(parseInstant(timestamp) ?? at.nowMs)
  const data = { controlId, started, at: switchedAt, superseded: supersededIds }
  draft.fact({ kind: 'station.der-switched', stationId, data })
  return { reply: {}, outcome: draft.outcome() }
}

/** Answers GetDERControl, in parts; an empty part is told too, as it ends the report. */
export function derControls(
  { state, stationId }: HandlerContext,
  { requestId, tbc = false, customData: _, ...lists }: ReportDERControlRequest,
): Decision {
  exactIds({ requestId })
  const parts = inParts(
    Object.entries(lists).flatMap(([list, entries]) => entries.map((it) => controlOf(list, it))),
  )
  const draft = new Draft(state)
  for (const [index, controls] of (parts.length > 0 ? parts : [[]]).entries()) {
    const data = { requestId, more: tbc || index < parts.length - 1, controls }
    draft.fact({ kind: 'station.der-controls', stationId, data })
  }
  return { reply: {}, outcome: draft.outcome() }
}

/** The type that each list is of; a curve names its own. */
const TYPES: Readonly<Record<string, string>> = {
  enterService: 'EnterService',
  fixedPFAbsorb: 'FixedPFAbsorb',
  fixedPFInject: 'FixedPFInject',
  fixedVar: 'FixedVar',
  freqDroop: 'FreqDroop',
  gradient: 'Gradients',
  limitMaxDischarge: 'LimitMaxDischarge',
}

/** And one field more: the settings of that type. */
interface SaidControl {
  id: string
  curveType?: string
  isDefault?: boolean
  isSuperseded?: boolean
  customData?: unknown
}

function controlOf(
  list: string,
  { id, curveType, isDefault, isSuperseded, customData: _, ...settings }: SaidControl,
): Control {
  return {
    controlId: id,
    controlType: curveType ?? TYPES[list] ?? list,
    ...(isDefault === undefined ? {} : { isDefault }),
    ...(isSuperseded === undefined ? {} : { isSuperseded }),
    settings: Object.values(settings)[0] as Json,
  }
}
