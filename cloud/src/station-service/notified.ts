/** What a fact of a 2.1 station's notifications makes of what is known so far of the thing that it is about. Pure. */
import type {
  BatterySwap,
  DerControl,
  EventStream,
  Notified,
} from '@switchyard/protocol/api/notifications.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { ReadEntry } from '../platform/event-log/entry.ts'
import { timeOf } from './time-of.ts'

export type NotifiedKind = keyof Notified

/** One thing that a fact tells of, and what becomes of what is known of it. */
export interface Told<K extends NotifiedKind = NotifiedKind> {
  kind: K
  key: string
  becomes(before: Notified[K] | undefined): Notified[K]
}

function told<K extends NotifiedKind>(kind: K, key: string | number, becomes: Told<K>['becomes']): Told {
  return { kind, key: String(key), becomes } as unknown as Told
}

/** `receivedAt` stands for an instant that cannot be read. */
export function toldIn(read: ReadEntry, receivedAt: Date): Told[] {
  const time = (text: string) => timeOf(text, receivedAt).toISOString()
  switch (read.kind) {
    case 'station.battery-swap': {
      const { data } = read
      return [told('battery-swap', data.requestId, (before) => swapAfter(before, data, time(read.at)))]
    }
    case 'station.payment-settled': {
      const { pspRef, status, amount, at, reason = null, transactionId = null, ...rest } = read.data
      const { receiptId = null, receiptUrl = null, vatNumber = null, vatCompany = null } = rest
      const receipt = { receiptId, receiptUrl, vatNumber, vatCompany }
      const payment = { pspRef, status, reason, amount, at: time(at), transactionId, ...receipt }
      return [told('payment', pspRef, () => payment)]
    }
    case 'station.tariff': {
      const { tariffId, outcome, reason = null } = read.data
      return [told('tariff', tariffId, () => ({ tariffId, outcome, reason, at: time(read.at) }))]
    }
    case 'station.der-alarm': {
      const { controlType, fault = null, ended, at, info = null } = read.data
      const since = time(at)
      const begun = { controlType, fault, since, endedAt: null, info }
      // One that is told again goes on since it began.
      return [
        told('der-alarm', controlType, (before) => {
          if (ended) return { ...(before ?? begun), endedAt: since }
          return before?.endedAt === null ? { ...begun, since: before.since } : begun
        }),
      ]
    }
    case 'station.der-switched': {
      const { controlId, started, at, superseded } = read.data
      const switched = { running: started, switchedAt: time(at) }
      return [
        told('der-control', controlId, (before) => ({ ...controlBefore(before, controlId), ...switched })),
        ...superseded.map((id) =>
          told('der-control', id, (before) => ({ ...controlBefore(before, id), isSuperseded: started })),
        ),
      ]
    }
    case 'station.der-controls':
      return read.data.controls.map(
        ({ controlId, controlType, isDefault = null, isSuperseded = null, settings }) => {
          const reported = { controlType, isDefault, isSuperseded, settings, reportedAt: time(read.at) }
          return told('der-control', controlId, (before) => ({
            ...controlBefore(before, controlId),
            ...reported,
          }))
        },
      )
    case 'station.stream-opened': {
      const { streamId, monitorId, intervalS = null, valuesPerMessage = null } = read.data
      const opened = { monitorId, intervalS, valuesPerMessage, openedAt: time(read.at), closedAt: null }
      return [told('event-stream', streamId, () => ({ ...streamBefore(undefined, streamId), ...opened }))]
    }
    case 'station.stream-closed': {
      const { streamId } = read.data
      const closedAt = time(read.at)
      return [told('event-stream', streamId, (before) => ({ ...streamBefore(before, streamId), closedAt }))]
    }
    case 'station.stream':
      return valuesIn(read.data, receivedAt)
    default:
      return []
  }
}

type Swap = FactData<'station.battery-swap'>

/** Stations count their requests anew: batteries that go in after others came out are another swap's. */
function swapAfter(
  before: BatterySwap | undefined,
  { requestId, event, ...data }: Swap,
  at: string,
): BatterySwap {
  const isOver = before !== undefined && before.event !== 'BatteryIn' && event === 'BatteryIn'
  const { batteries, ...who } = data
  const known =
    before && !isOver
      ? before
      : { requestId, batteriesIn: [], batteriesOut: [], inAt: null, outAt: null, timedOutAt: null }
  const swap = { ...known, ...who, event }
  switch (event) {
    case 'BatteryIn':
      return { ...swap, batteriesIn: batteries, inAt: at }
    case 'BatteryOut':
      return { ...swap, batteriesOut: batteries, outAt: at }
    case 'BatteryOutTimeout':
      return { ...swap, timedOutAt: at }
  }
}

function controlBefore(before: DerControl | undefined, controlId: string): DerControl {
  const nothing = { controlType: null, isDefault: null, isSuperseded: null, running: null, switchedAt: null }
  return before ?? { controlId, ...nothing, settings: null, reportedAt: null }
}

function streamBefore(before: EventStream | undefined, streamId: number): EventStream {
  const nothing = { monitorId: null, intervalS: null, valuesPerMessage: null, openedAt: null, closedAt: null }
  return before ?? { streamId, ...nothing, last: null, pending: null }
}

function valuesIn({ streamId, from, pending, values }: FactData<'station.stream'>, receivedAt: Date): Told[] {
  const newest = values.at(-1)
  if (newest === undefined) return []
  const atMs = timeOf(from, receivedAt).getTime() + Math.round(newest.t * 1000)
  const read = new Date(atMs)
  const at = timeOf(Number.isNaN(read.getTime()) ? '' : read.toISOString(), receivedAt)
  const last = { at: at.toISOString(), value: newest.v }
  return [told('event-stream', streamId, (before) => ({ ...streamBefore(before, streamId), last, pending }))]
}
