import { readFileSync } from 'node:fs'
import { readTranscript, type Transcript } from '@switchyard/protocol/ocpp/transcript.ts'
import { TranscriptReplay } from '@switchyard/protocol/ocpp/transcript-replay.ts'
import { expect, it } from 'vitest'
import { replayTranscript } from './replay-transcript.ts'

function reference(name: string): Transcript {
  const file = new URL(`../../../protocol/transcripts/reference/${name}.jsonl`, import.meta.url)
  const read = readTranscript(readFileSync(file, 'utf8'))
  if (!read.ok) throw new Error(read.reason)
  return read.transcript
}
const of = (station: string, version: '1.6' | '2.0.1') => ({ station, version })

it.each(['1.6', '2.0.1'] as const)(
  'the reference of %s is answered as recorded, with its facts',
  async (version) => {
    const transcript = reference(`session-${version}`)
    const { played, facts, closes } = await replayTranscript(transcript, of('CP', version))
    expect(played.filter((it) => it.differs)).toEqual([])
    expect(played.every((it) => it.answer)).toBe(true)
    expect(facts.filter((it) => it.kind === 'session.ended')).toHaveLength(1)
    expect(closes).toEqual([])
  },
)

it('what is answered otherwise is told, also where no answer comes', async () => {
  const transcript = reference('session-1.6')
  const boot = transcript.lines.find((it) => it.dir === 'out')!
  boot.frame = [3, boot.frame![1], { ...(boot.frame![2] as object), interval: 77 }]
  const at = transcript.lines.at(-1)!.at
  transcript.lines.push(
    { at, dir: 'in', text: 'no frame' },
    { at, dir: 'in', frame: [2, 'odd', 'Explode', {}] },
    { at, dir: 'out', frame: [3, 'odd', {}] },
    { at, dir: 'in', text: '(left out: 20000 characters)' },
  )
  const { played } = await replayTranscript(transcript, of('CP', '1.6'))
  const [first, second, ...more] = played.filter((it) => it.differs)
  expect(first).toMatchObject({
    message: { action: 'BootNotification' },
    answer: [3, expect.anything(), { interval: 300 }],
  })
  expect(second).toMatchObject({
    message: { action: 'Explode' },
    answer: [4, 'odd', 'NotImplemented', expect.any(String), {}],
  })
  expect(more).toEqual([])
  expect(played.at(-2)!.message.text).toBe('no frame')
})

it('the station answers calls as it did then, by their action and in turn', () => {
  const { lines } = reference('session-1.6')
  const { at } = lines[0]!
  const asked = (id: string, answer: object): Transcript['lines'] => [
    { at, dir: 'out', frame: [2, id, 'GetConfiguration', {}] },
    { at, dir: 'in', frame: [3, id, answer] },
  ]
  const play = new TranscriptReplay({ lines: [...asked('a', { n: 1 }), ...asked('b', { n: 2 })] })
  // Its answers are no messages of its own.
  expect(play.next()).toBeUndefined()
  expect(play.answerTo([2, 'live-1', 'GetConfiguration', {}])).toEqual([3, 'live-1', { n: 1 }])
  expect(play.answerTo([2, 'live-2', 'Reset', {}])).toMatchObject({ 0: 4, 1: 'live-2', 2: 'NotSupported' })
  expect(play.answerTo([2, 'live-3', 'GetConfiguration', {}])).toEqual([3, 'live-3', { n: 2 }])
})
