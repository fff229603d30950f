import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { factData, isFactKind } from '../site/fact.ts'
import { parseFrame } from './frame.ts'
import { readTranscript, TRANSCRIPT_LINE_MAX_CHARS, type Transcript, TranscriptWriter } from './transcript.ts'
import { TranscriptReplay } from './transcript-replay.ts'
import { loadValidators } from './validators.ts'

const reference = (name: string) =>
  readFileSync(new URL(`../../transcripts/reference/${name}`, import.meta.url), 'utf8')

function open(name: string): Transcript {
  const read = readTranscript(reference(name))
  if (!read.ok) throw new Error(`${name}:${read.line}: ${read.reason}`)
  return read.transcript
}

describe.each(['1.6', '2.0.1'] as const)('the reference session of OCPP %s', (version) => {
  const transcript = open(`session-${version}.jsonl`)

  it('is made of frames that the version and its schemas allow, each call answered', async () => {
    expect(transcript.header).toMatchObject({ transcript: 1, version })
    const validators = await loadValidators(version)
    const pending = new Map<string, string>()
    let before = ''
    for (const { at, frame } of transcript.lines) {
      expect(at >= before, at).toBe(true)
      before = at
      const parsed = parseFrame(version, JSON.stringify(frame))
      if (parsed.type === 'call') {
        expect(validators.find(parsed.action)?.request(parsed.payload), at).toEqual([])
        pending.set(parsed.id, parsed.action)
      } else {
        if (parsed.type !== 'callResult') throw new Error(`${at}: ${parsed.type}`)
        const action = pending.get(parsed.id) ?? 'nothing'
        expect(validators.find(action)?.response?.(parsed.payload), `${at} ${action}`).toEqual([])
        pending.delete(parsed.id)
      }
    }
    expect(pending.size).toBe(0)
  })

  it('has facts whose kinds and fields exist, with 20 kWh in two hours', () => {
    const facts = JSON.parse(reference(`session-${version}.facts.json`)) as { kind: string; data: object }[]
    for (const { kind, data } of facts) {
      if (!isFactKind(kind)) throw new Error(`no such kind: ${kind}`)
      for (const [field, value] of Object.entries(data)) {
        const shape = factData[kind].shape as Record<
          string,
          { safeParse(value: unknown): { success: boolean } }
        >
        expect(shape[field], `${kind}.${field}`).toBeDefined()
        // An id token of 1.6 has no type of its own, so only its value is told.
        if (field !== 'idToken') expect(shape[field]?.safeParse(value).success, `${kind}.${field}`).toBe(true)
      }
    }
    const ended = facts.filter(({ kind }) => kind === 'session.ended')
    expect(ended).toMatchObject([{ data: { energyMilliWh: 20_000_000, durationMs: 7_200_000, review: [] } }])
    expect(facts.filter(({ kind }) => kind === 'session.register')).toHaveLength(8)
  })
})

describe('a transcript', () => {
  it('is read back as it was written, what was no frame included', () => {
    const writer = new TranscriptWriter()
    const at = '2026-11-23T08:00:00.000Z'
    const content = [
      writer.header('CP1', '1.6', 'as seen'),
      writer.line(at, 'in', '[2,"1","Heartbeat",{}]'),
      writer.line(at, 'out', '[3,"1",{}]'),
      writer.line(at, 'in', '[2,"1",'),
    ].join('')
    expect(readTranscript(content)).toEqual({
      ok: true,
      transcript: {
        header: { transcript: 1, version: '1.6', station: 'CP1', note: 'as seen' },
        lines: [
          { at, dir: 'in', frame: [2, '1', 'Heartbeat', {}] },
          { at, dir: 'out', frame: [3, '1', {}] },
          { at, dir: 'in', text: '[2,"1",' },
        ],
      },
    })
  })

  it('leaves out a frame that is too long, and says so', () => {
    const long = new TranscriptWriter().line(
      '2026-11-23T08:00:00Z',
      'in',
      'x'.repeat(TRANSCRIPT_LINE_MAX_CHARS),
    )
    expect(long).toContain('left out')
    expect(readTranscript(long!).ok).toBe(true)
  })

  it('names the line that is wrong', () => {
    const good = '{"at":"2026-11-23T08:00:00Z","dir":"in","frame":[]}'
    for (const bad of [
      'x',
      '[]',
      '{"at":"never","dir":"in","frame":[]}',
      '{"at":"2026-11-23T08:00:00Z","dir":"in"}',
      '{"at":"2026-11-23T08:00:00Z","dir":"up","frame":[]}',
      '{"transcript":1,"version":"1.6","station":"x"}',
    ]) {
      expect(readTranscript(`${good}\n\n${bad}\n`), bad).toMatchObject({ ok: false, line: 3 })
    }
    expect(readTranscript('{"transcript":2}')).toMatchObject({ ok: false, line: 1 })
  })
})

describe('a replay', () => {
  it('plays the calls of the station with the transaction ids of today', () => {
    const replay = new TranscriptReplay(open('session-1.6.jsonl'))
    const transactionIds = new Set<unknown>()
    const actions: string[] = []
    for (let call = replay.next(); call; call = replay.next()) {
      const [, id, action, payload] = JSON.parse(call.text) as [
        number,
        string,
        string,
        { transactionId?: number },
      ]
      actions.push(action)
      if (payload.transactionId !== undefined) transactionIds.add(payload.transactionId)
      if (action === 'StartTransaction')
        replay.answered([3, id, { transactionId: 77, idTagInfo: { status: 'Accepted' } }])
    }
    expect(actions[0]).toBe('BootNotification')
    expect(actions).toContain('StopTransaction')
    expect([...transactionIds]).toEqual([77])
  })
})
