/**
 * Brings the settings of a station to what is wanted: reads them, sets those that differ, and reads those back, as a station may
 * accept and not apply. What it has already is not written again: settings live in flash.
 */
import type { OutgoingCall } from '@switchyard/protocol/command/define.ts'
import { isSecretSetting } from '@switchyard/protocol/command/secrets.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import { MAX_SETTING_CHARS, type SettingRef, type WantedSetting } from '@switchyard/protocol/site/setting.ts'
import type { Wish } from '../station/wanted-settings.ts'
import { type Call, whyUnanswered } from './calls.ts'
import { inGroups } from './in-groups.ts'

/** How one OCPP version says settings. What a station answers has passed no schema: every reader takes anything. */
export interface SettingsWords {
  /** The metering baseline, in order. */
  baseline(wish: BaselineWish): { name: string; values: string[] }[]
  /** Why the version cannot say such a setting; undefined where it can. */
  unfit(setting: WantedSetting): string | undefined
  /** Settings in one message, where the station has not told how many it takes. */
  itemsPerMessage: { read: number; set: number }
  read(settings: readonly SettingRef[]): OutgoingCall
  /** Values in the order that was asked for; undefined where it tells none. */
  valuesIn(reply: unknown, settings: readonly SettingRef[]): (string | undefined)[]
  set(settings: readonly WantedSetting[]): OutgoingCall
  /** The station's word on each setting. */
  statusesIn(reply: unknown, settings: readonly SettingRef[]): string[]
  /** Asks for all there is; absent where that comes as a report, on demand. */
  all?: OutgoingCall
  settingsIn?(reply: unknown): FactData<'station.settings-read'>['settings']
}

export interface BaselineWish {
  /** Seconds between sampled meter values in a session. */
  meterIntervalS: number
  pingIntervalS: number
}

export interface SettleLine {
  call: Call
  words: SettingsWords
  /** Items that the station takes in one message; undefined: it has not told. */
  itemsPerMessage(action: string): number | undefined
  /** Why load control does not let a call pass; undefined when it may. */
  refusal(call: OutgoingCall): string | undefined
}

type Settled = FactData<'station.settings'>

interface Item {
  wish: Wish
  /** Of the wish's values: the one that is offered next. */
  next: number
  found?: string | undefined
  outcome?: 'same' | 'Accepted' | 'RebootRequired' | { reason: string }
}

/** Never throws; a station that refuses has deviations, in the order of the wishes. */
export async function settleSettings(line: SettleLine, wishes: readonly Wish[]): Promise<Settled> {
  const items: Item[] = wishes.map((wish) => ({ wish, next: 0 }))
  for (const item of items) {
    const reason = line.words.unfit(offer(item))
    if (reason !== undefined) item.outcome = { reason }
  }
  await readInto(line, open(items))
  for (const item of open(items)) {
    if (item.found !== undefined && isSame(item.found, item.wish.values[0]!)) item.outcome = 'same'
    else {
      const reason = line.refusal(line.words.set([offer(item)]))
      if (reason !== undefined) item.outcome = { reason }
    }
  }
  // Each round settles every item or goes on to its next value.
  for (let left = open(items); left.length > 0; left = open(items)) await setOnce(line, left)
  const taken = items.filter(({ outcome }) => outcome === 'Accepted' || outcome === 'RebootRequired')
  for (const item of taken) delete item.found
  const couldRead = await readInto(line, taken)
  return told(items, couldRead)
}

function open(items: readonly Item[]): Item[] {
  return items.filter((item) => item.outcome === undefined)
}

function offer({ wish, next }: Item): WantedSetting {
  return { ...wish.setting, value: wish.values[next]! }
}

async function setOnce(line: SettleLine, items: readonly Item[]): Promise<void> {
  const { words } = line
  for (const part of parts(items, line, words.set([]).action, words.itemsPerMessage.set)) {
    const { action, payload } = words.set(part.map(offer))
    const outcome = await line.call(action, payload)
    const statuses =
      outcome.status === 'answered'
        ? words.statusesIn(
            outcome.payload,
            part.map(({ wish }) => wish.setting),
          )
        : part.map(() => whyUnanswered(outcome))
    for (const [index, item] of part.entries()) {
      const status = statuses[index]!
      if (status === 'Accepted' || status === 'RebootRequired') item.outcome = status
      // Another value helps only where the value was refused.
      else if (status === 'Rejected' && item.next + 1 < item.wish.values.length) item.next += 1
      else item.outcome = { reason: status }
    }
  }
}

/** Whether the station could be read at all. */
async function readInto(line: SettleLine, items: readonly Item[]): Promise<boolean> {
  const { words } = line
  let couldRead = false
  for (const part of parts(items, line, words.read([]).action, words.itemsPerMessage.read)) {
    const settings = part.map(({ wish }) => wish.setting)
    const { action, payload } = words.read(settings)
    const outcome = await line.call(action, payload)
    if (outcome.status !== 'answered') continue
    couldRead = true
    const values = words.valuesIn(outcome.payload, settings)
    for (const [index, item] of part.entries()) item.found = values[index]?.slice(0, MAX_SETTING_CHARS)
  }
  return couldRead
}

function parts(items: readonly Item[], line: SettleLine, action: string, otherwise: number): Item[][] {
  return inGroups(items, line.itemsPerMessage(action) ?? otherwise)
}

function told(items: readonly Item[], couldRead: boolean): Settled {
  const settled: Settled = { applied: [], deviations: [] }
  for (const { wish, next, found, outcome } of items) {
    const { setting, source, values } = wish
    const head = {
      ...setting,
      ...(source === 'baseline' ? {} : { source }),
      ...(outcome === 'RebootRequired' ? { rebootRequired: true } : {}),
    }
    const value = values[next]!
    if (outcome === 'same' || (typeof outcome === 'string' && found !== undefined && isSame(found, value))) {
      settled.applied.push({ ...head, value })
      continue
    }
    const shown = found === undefined || isSecretSetting(setting.name) ? {} : { found }
    if (typeof outcome === 'object')
      settled.deviations.push({ ...head, wanted: values[0]!, ...shown, reason: outcome.reason })
    else {
      const unread = couldRead ? 'accepted, but reads otherwise' : 'accepted, but cannot be read back'
      const reason = outcome === 'RebootRequired' ? outcome : unread
      settled.deviations.push({ ...head, wanted: value, ...shown, reason })
    }
  }
  return settled
}

/** Stations order lists and write booleans as they like. */
function isSame(found: string, wanted: string): boolean {
  if (found === wanted) return true
  const isLoose = /,|^(true|false)$|^[A-Za-z]+\.[A-Za-z.]+$/i.test(wanted)
  return isLoose && sorted(found) === sorted(wanted)
}

function sorted(list: string): string {
  return list
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .sort()
    .join(',')
}
