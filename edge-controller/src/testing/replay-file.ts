/** `npm run replay -- FILE`: what this version's controller makes of a recorded station. Exit code 1: it answered something otherwise. */
import { readFileSync } from 'node:fs'
import { readTranscript } from '@switchyard/protocol/ocpp/transcript.ts'
import { type Played, replayTranscript } from './replay-transcript.ts'

const file = process.argv[2]
if (file === undefined || process.argv.length > 3)
  fail('usage: npm run replay -- FILE, where FILE is a transcript (protocol/transcripts/README.md)')
let content: string
try {
  content = readFileSync(file, 'utf8')
} catch (error) {
  fail(`${file} cannot be read: ${(error as Error).message}`)
}
const read = readTranscript(content)
if (!read.ok) fail(`${file}, line ${read.line}: ${read.reason}`)
const { header, lines } = read.transcript
if (!header)
  fail(
    `${file} has no header line {"transcript":1,"version":"1.6","station":"..."}: which OCPP version is it?`,
  )
if (lines.length === 0) fail(`${file} has no messages`)

const { played, calls, differingCall, facts, closes } = await replayTranscript(read.transcript, header)
const differing = played.filter((it) => it.differs)
const recorded = played.filter((it) => it.message.recorded !== undefined)
say(`${header.station}, OCPP ${header.version}: ${played.length} messages of the station`)
say(
  `\nAnswered otherwise than recorded: ${differing.length} of ${recorded.length} (times and transaction ids aside)`,
)
for (const { message, answer } of differing) {
  say(`  ${message.at} ${message.text}`)
  say(`    recorded ${JSON.stringify(message.recorded)}`)
  say(`    now      ${answer ? JSON.stringify(answer) : 'no answer'}`)
}
if (differingCall) {
  say('\nThe first call that was made otherwise than recorded')
  say(`    recorded ${JSON.stringify(differingCall.recorded ?? null)}`)
  say(`    now      ${JSON.stringify(differingCall.made ?? null)}`)
}
say('\nAnswers')
for (const { message, answer } of played) {
  say(`  ${message.at} ${message.text}`)
  say(`    ${answer ? JSON.stringify(answer) : withoutAnswer(message)}`)
}
if (calls.length > 0) say('\nCalls of the controller, and what the station answered')
for (const { call, answer } of calls)
  say(`  ${JSON.stringify(call)}\n    ${answer ? JSON.stringify(answer) : 'no answer'}`)
if (closes.length > 0) say('\nConnections that the controller closed')
for (const { code, reason } of closes) say(`  ${code} ${reason}`)
say('\nFacts')
for (const { kind, sessionId, data } of facts)
  say(`  ${kind}${sessionId === undefined ? '' : ` ${sessionId}`} ${JSON.stringify(data)}`)
process.exitCode = differing.length > 0 || differingCall ? 1 : 0

function withoutAnswer({ isSend, id }: Played['message']): string {
  return isSend ? '(needs no answer)' : id === undefined ? '(no frame; not answered)' : 'no answer'
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(what: string): never {
  process.stderr.write(`${what}\n`)
  process.exit(2)
}
