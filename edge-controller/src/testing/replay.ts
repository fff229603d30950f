/** Plays a transcript's station against a test controller, in the transcript's own time, and compares the facts. */
import { readFileSync } from 'node:fs'
import { readTranscript } from '@switchyard/protocol/ocpp/transcript.ts'
import { TranscriptReplay } from '@switchyard/protocol/ocpp/transcript-replay.ts'
import { SUBPROTOCOL } from '@switchyard/protocol/ocpp/version.ts'
import { type Fact, type FactKind, streamOf } from '@switchyard/protocol/site/fact.ts'
import { connectRaw } from './charge-point.ts'
import type { TestController } from './test-controller.ts'

const DIRECTORY = new URL('../../../protocol/transcripts/', import.meta.url)

export interface ExpectedFact {
  kind: FactKind
  data: Record<string, unknown>
}

/** `name` as in `reference/session-1.6`. */
export function expectedFacts(name: string): ExpectedFact[] {
  return JSON.parse(readFileSync(new URL(`${name}.facts.json`, DIRECTORY), 'utf8')) as ExpectedFact[]
}

export async function replay(site: TestController, name: string): Promise<void> {
  const read = readTranscript(readFileSync(new URL(`${name}.jsonl`, DIRECTORY), 'utf8'))
  if (!read.ok) throw new Error(`${name}, line ${read.line}: ${read.reason}`)
  const { header } = read.transcript
  if (!header) throw new Error(`${name} has no header`)
  const socket = await connectRaw(site.url, header.station, [SUBPROTOCOL[header.version]])
  const play = new TranscriptReplay(read.transcript)
  for (let next = play.next(); next !== undefined; next = play.next()) {
    site.clock.advanceTo(next.at)
    socket.send(next.text)
    let answer = await socket.next()
    for (; answer[0] === 2; answer = await socket.next()) {
      const said = play.answerTo(answer)
      if (said) socket.send(JSON.stringify(said))
    }
    if (answer[0] !== 3) throw new Error(`${next.text} was answered ${JSON.stringify(answer)}`)
    play.answered(answer)
  }
  socket.close()
}

/** The first expected fact that was not written in its place; undefined when all were. */
export function missingFact(
  expected: readonly ExpectedFact[],
  written: readonly Fact[],
): ExpectedFact | undefined {
  const position = { ledger: 0, telemetry: 0 }
  const facts = {
    ledger: written.filter((f) => streamOf(f.kind) === 'ledger'),
    telemetry: written.filter((f) => streamOf(f.kind) === 'telemetry'),
  }
  return expected.find((wanted) => {
    const stream = streamOf(wanted.kind)
    const found = facts[stream].findIndex(
      (fact, i) => i >= position[stream] && fact.kind === wanted.kind && holds(wanted.data, fact.data),
    )
    position[stream] = found + 1
    return found < 0
  })
}

/** Whether everything wanted stands in what was found, which may have more. */
function holds(wanted: unknown, found: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return Object.is(wanted, found)
  if (typeof found !== 'object' || found === null) return false
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(found) && found.length === wanted.length && wanted.every((w, i) => holds(w, found[i]))
    )
  }
  return Object.entries(wanted).every(([key, w]) => holds(w, (found as Record<string, unknown>)[key]))
}
