/** Transcripts on demand: every frame of every station, one JSONL file per station and boot, for faults of the field. */
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { instant } from '@switchyard/protocol/instant.ts'
import { TranscriptWriter } from '@switchyard/protocol/ocpp/transcript.ts'
import type { Clock, Log } from './ports.ts'

/** Bytes of one file; recording of that station ends there, or at TRANSCRIPT_MAX_LINES. */
const MAX_FILE_BYTES = 64 * 1024 * 1024
/** Stations recorded at once; further ones are not. */
const MAX_FILES = 200
/** Bytes waiting for the disk; above it frames are left out, so that a slow disk costs lines, not memory. */
const MAX_BUFFERED_BYTES = 1024 * 1024

export interface Transcripts {
  record(stationId: string, direction: 'in' | 'out', text: string): void
  close(): Promise<void>
}

export function openTranscripts(folder: string, clock: Clock, log: Log): Transcripts {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files = new Map<string, { stream: WriteStream; writer: TranscriptWriter; bytes: number }>()
  const startedAt = instant(clock.now()).replaceAll(/[:.]/g, '-')

  function fileOf(stationId: string) {
    const known = files.get(stationId)
    if (known || files.size >= MAX_FILES) return known
    const name = `${encodeURIComponent(stationId).replaceAll('*', '%2A')}-${startedAt}.jsonl`
    const stream = createWriteStream(join(folder, name), { flags: 'a', mode: 0o600 })
    stream.on('error', (error) => log.warn({ stationId, error }, 'the transcript could not be written'))
    const file = { stream, writer: new TranscriptWriter(), bytes: 0 }
    files.set(stationId, file)
    return file
  }

  return {
    record(stationId, direction, text) {
      const file = fileOf(stationId)
      if (!file || file.bytes > MAX_FILE_BYTES || file.stream.writableLength > MAX_BUFFERED_BYTES) return
      const row = file.writer.line(instant(clock.now()), direction, text)
      if (row === undefined) return
      file.bytes += row.length
      file.stream.write(row)
    },
    async close() {
      await Promise.all(
        [...files.values()].map(({ stream }) => new Promise((resolve) => stream.end(resolve))),
      )
    },
  }
}
