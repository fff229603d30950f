import { readFileSync } from 'node:fs'
import { readTranscript, type Transcript } from '@switchyard/protocol/ocpp/transcript.ts'
import { expect, it } from 'vitest'
import { expectedFacts, missingFact } from '../testing/replay.ts'
import { replayTranscript } from '../testing/replay-transcript.ts'

function transcript(name: string, vendor?: string): Transcript {
  const text = readFileSync(new URL(`../../../protocol/transcripts/${name}.jsonl`, import.meta.url), 'utf8')
  const read = readTranscript(vendor === undefined ? text : text.replaceAll('"Iocharger"', `"${vendor}"`))
  if (!read.ok) throw new Error(`${name}, line ${read.line}: ${read.reason}`)
  return read.transcript
}

it('a placeholder of 0 at the start is held for review; of a station that is not known for it the lifetime would be billed', async () => {
  const name = 'iocharger/zero-start'
  const known = transcript(name)
  const { played, facts } = await replayTranscript(known, known.header!)
  expect(missingFact(expectedFacts(name), facts)).toBeUndefined()
  expect(played.filter((it) => it.differs)).toEqual([])

  const other = await replayTranscript(transcript(name, 'Another'), known.header!)
  const ended = other.facts.find((it) => it.kind === 'session.ended')
  expect(ended?.data).toMatchObject({ energyMilliWh: 120_031_000, review: [] })
})
