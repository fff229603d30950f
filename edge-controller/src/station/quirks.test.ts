import { readdirSync, readFileSync } from 'node:fs'
import { readTranscript, type Transcript } from '@switchyard/protocol/ocpp/transcript.ts'
import { QUIRK_NAMES, quirksOf } from '@switchyard/protocol/site/quirks.ts'
import { describe, expect, it } from 'vitest'
import { bootWords } from '../ocpp/surroundings.ts'
import { expectedFacts, missingFact } from '../testing/replay.ts'
import { type Replayed, replayTranscript } from '../testing/replay-transcript.ts'
import { TestController } from '../testing/test-controller.ts'
import { quirksAt } from './quirks.ts'
import { newStation, STATION_KIND } from './station.ts'

const DIRECTORY = new URL('../../../protocol/transcripts/', import.meta.url)
/** Written to be like any station, and what any station may do. */
const OF_NOBODY = ['reference', 'general']

function transcript(name: string): Transcript {
  const read = readTranscript(readFileSync(new URL(`${name}.jsonl`, DIRECTORY), 'utf8'))
  if (!read.ok) throw new Error(`${name}, line ${read.line}: ${read.reason}`)
  return read.transcript
}

/** What an operator had said of the station, and what its boot is known for. */
function quirksIn({ header, lines }: Transcript): string[] {
  const boot = lines.find(({ frame }) => frame?.[2] === 'BootNotification')!.frame![3]
  const known = quirksOf(bootWords(boot))
  return [...(header?.quirks ?? []), ...known.map((it) => it.name)]
}

/** What came otherwise than it must; undefined: nothing. */
function fault(name: string, { facts, played, closes, differingCall }: Replayed) {
  const missing = missingFact(expectedFacts(name), facts)
  const differing = played.filter((it) => it.differs).map((it) => it.answer)
  if (!missing && differing.length === 0 && closes.length === 0 && !differingCall) return undefined
  return { missing, differing, closes, differingCall }
}

const names = readdirSync(DIRECTORY, { withFileTypes: true })
  .filter((it) => it.isDirectory() && !OF_NOBODY.includes(it.name))
  .flatMap(({ name }) => readdirSync(new URL(`${name}/`, DIRECTORY)).map((file) => `${name}/${file}`))
  .filter((it) => it.endsWith('.jsonl'))
  .map((it) => it.slice(0, -'.jsonl'.length))

describe.each(names)('the transcript %s', (name) => {
  it('becomes the facts beside it, with the same answers and calls, on one connection', async () => {
    const recorded = transcript(name)
    expect(fault(name, await replayTranscript(recorded, recorded.header!))).toBeUndefined()
  })

  it.each(quirksIn(transcript(name)))('goes wrong without %s', async (quirk) => {
    const recorded = transcript(name)
    const without = await replayTranscript(recorded, recorded.header!, { [quirk]: false })
    expect(fault(name, without)).toBeDefined()
  })
})

it('every quirk has a transcript', () => {
  const shown = new Set(names.flatMap((name) => quirksIn(transcript(name))))
  expect(QUIRK_NAMES.filter((it) => !shown.has(it))).toEqual([])
})

it('a lifetime would be billed of a station that tells a placeholder and is not known for it', async () => {
  const recorded = transcript('iocharger/zero-start')
  const { facts } = await replayTranscript(recorded, recorded.header!, { 'zero-start-placeholder': false })
  const ended = facts.find((it) => it.kind === 'session.ended')
  expect(ended?.data).toMatchObject({ energyMilliWh: 120_031_000, review: [] })
})

it('what operators say holds at once, the station before its model, and for other stations nothing changes', async () => {
  const site = await TestController.start()
  try {
    const boot = { vendor: 'Acme', model: 'One', status: 'Accepted' as const, at: '2026-11-23T12:00:00.000Z' }
    const puts = ['CP1', 'CP2'].map((id) => ({
      kind: STATION_KIND,
      id,
      value: { ...newStation(id, true), boot } as never,
    }))
    await site.state.commit({ facts: [], puts, deletes: [] })
    const at = (id: string) => [...quirksAt(site.state, id)]
    expect(at('CP1')).toEqual([])
    const quirks = { 'whole-amps': true, 'of-a-later-version': true }
    await site.apply('models', { models: [{ vendor: 'Acme', model: 'One', settings: [], quirks }] })
    expect(at('CP1')).toEqual(['whole-amps'])
    const own = { 'whole-amps': false, 'no-pong': true }
    await site.apply('stations', { stations: [{ stationId: 'CP1', approved: true, quirks: own }] })
    expect(at('CP1')).toEqual(['no-pong'])
    expect(at('CP2')).toEqual(['whole-amps'])
    await site.apply('models', { models: [] })
    expect(at('CP2')).toEqual([])
  } finally {
    await site.stop()
  }
})
