/** The quirks of a station: what is known of stations that boot as it does, and what operators say of its model and of it. */
import type { DocumentBody } from '@switchyard/protocol/site/document.ts'
import { type BootWords, type Quirk, quirksOf } from '@switchyard/protocol/site/quirks.ts'
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import { stationEntry } from './settings.ts'
import { stationOf } from './station.ts'

type Quirks = ReadonlySet<Quirk>
type ModelWishes = DocumentBody<'models'>['models'][number]

interface Found {
  quirks: Quirks
  entry: object | undefined
  models: object | undefined
}

/** By boot, as every message asks; boots and documents are replaced, never changed. */
const found = new WeakMap<object, Found>()
const NOT_BOOTED = {}

/** By its newest boot, unless another is given. */
export function quirksAt(state: StateReader, stationId: string, boot?: BootWords): Quirks {
  const known: BootWords = boot ?? stationOf(state, stationId)?.boot ?? NOT_BOOTED
  const entry = stationEntry(state, stationId)
  const models = appliedDocument(state, 'models')
  const before = found.get(known)
  if (before && before.entry === entry && before.models === models) return before.quirks
  const said = { ofModel: modelOf(models?.models, known)?.quirks, ofStation: entry?.quirks }
  const quirks = new Set(quirksOf(known, said).map((it) => it.name))
  found.set(known, { quirks, entry, models })
  return quirks
}

/** What operators want of a model, vendor and model as its boots tell them. */
export function modelOf(
  models: readonly ModelWishes[] | undefined,
  boot: BootWords | undefined,
): ModelWishes | undefined {
  return models?.find(({ vendor, model }) => vendor === boot?.vendor && model === boot.model)
}
