/** Reads an entry's text by the shape of its kind. */
import { readFact } from '@switchyard/protocol/site/fact.ts'
import { z } from 'zod'
import { type CloudFact, cloudFactData } from './cloud-fact.ts'
import type { LogEntry, ReadEntry } from './entry.ts'

const cloudFactHead = z.object({
  kind: z.string(),
  stationId: z.string().optional(),
  sessionId: z.string().optional(),
  at: z.string(),
  data: z.unknown(),
})

export type ReadResult =
  | { ok: true; read: ReadEntry }
  | { ok: false; reason: string /** A kind that a later version may know. */; unknownKind?: string }

/** What cannot be read, or is of a kind that this version does not know, comes back with the reason. */
export function readEntry(entry: LogEntry): ReadResult {
  if (entry.producer === null) {
    const read = readFact(entry.text)
    if (!read.ok) return read
    return read.known ? { ok: true, read: read.fact } : unknown(read.fact.kind)
  }
  return readCloudFact(entry.text)
}

function unknown(kind: string): ReadResult {
  return { ok: false, reason: `unknown kind ${kind}`, unknownKind: kind }
}

function readCloudFact(text: string): ReadResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, reason: `not JSON: ${(error as Error).message}` }
  }
  const head = cloudFactHead.safeParse(value)
  if (!head.success) return { ok: false, reason: `head: ${z.prettifyError(head.error)}` }
  const { kind } = head.data
  if (!Object.hasOwn(cloudFactData, kind)) return unknown(kind)
  const data = cloudFactData[kind as keyof typeof cloudFactData].safeParse(head.data.data)
  if (!data.success) return { ok: false, reason: `${kind}: ${z.prettifyError(data.error)}` }
  return { ok: true, read: { ...head.data, data: data.data } as CloudFact }
}
