/**
 * What travels over MQTT between a site and the cloud, message by message (section 6 of the design). Batches are gzipped
 * JSON; everything else is plain JSON. Every down message names (journalId, epoch, nonce); the site ignores what does not match.
 */

import { z } from 'zod'
import { quickShape } from '../quick-shape.ts'
import { TOKEN_BUCKETS } from './buckets.ts'
import { certificateQuestion, certificateReply } from './certificate-question.ts'
import { command } from './command.ts'
import { documentVersion } from './document.ts'
import { STREAMS } from './fact.ts'

/** Version of these messages; the cloud takes this one and the two before it. */
export const PROTOCOL_VERSION = 1
export const OLDEST_PROTOCOL_VERSION = 1

/** Most rows in a batch. */
export const MAX_BATCH_ROWS = 1_000
/** Largest batch as sent, gzipped. */
export const MAX_BATCH_COMPRESSED_BYTES = 64 * 1024
/** Largest batch once inflated; more is refused before it is inflated further. */
export const MAX_BATCH_INFLATED_BYTES = 1024 * 1024
/** Largest MQTT payload that either side reads. */
export const MAX_PAYLOAD_BYTES = 512 * 1024
/** First retransmission of an unacknowledged batch; doubles, with jitter, up to the cap. */
export const RETRANSMIT_FIRST_MS = 10_000
export const RETRANSMIT_CAP_MS = 120_000

const stream = z.enum(STREAMS)
const streamHead = z.object({ seq: z.int().min(0), rowId: z.string() })
const forkBounds = z.object({ shared: z.int().min(0), differs: z.int().min(1) })

/**
 * A row in a batch: its random id and the exact text of the fact. A gap or loss fact stands for `covers` seqs and keeps the
 * id of the last of them; every other row covers one.
 */
export const batchRow = z.object({
  id: z.string().min(1).max(64),
  fact: z.string(),
  covers: z.int().min(1).optional(),
})
export type BatchRow = z.infer<typeof batchRow>

const batchFields = z.object({
  v: z.int().min(1),
  journalId: z.string().min(1).max(64),
  stream,
  epoch: z.int().min(0),
  /** The cloud generation that the site knows, from its last welcome. */
  generation: z.string().optional(),
  /** The conversation that it is sent in: once another one has begun, it is not taken any more. */
  nonce: z.string().min(1).max(64).optional(),
  from: z.int().min(1),
  to: z.int().min(1),
  /** Row id of `from` - 1; empty for the first row of a journal. */
  prevId: z.string(),
  rows: z.array(batchRow).min(1).max(MAX_BATCH_ROWS),
  trace: z.string().optional(),
})
export const batch = batchFields.refine(addsUp, { message: 'the rows do not add up to from..to' })
export type Batch = z.infer<typeof batchFields>

function addsUp({ from, to, rows }: Batch): boolean {
  return rows.reduce((n, row) => n + (row.covers ?? 1), 0) === to - from + 1
}

const fitsBatch = quickShape(batchFields)

/** As `batch.safeParse`, and quicker where there is nothing to say against it. */
export function readBatchFields(value: unknown): z.ZodSafeParseResult<Batch> {
  if (fitsBatch(value) && addsUp(value as Batch)) return { success: true, data: value as Batch }
  return batch.safeParse(value)
}

/** Names the conversation; on every down message. */
const addressed = { journalId: z.string(), epoch: z.int().min(0), nonce: z.string() }

export const hello = z.object({
  v: z.int().min(1),
  controller: z.object({ version: z.string(), node: z.string().optional() }),
  journalId: z.string().min(1).max(64),
  epoch: z.int().min(0),
  bootId: z.string(),
  nonce: z.string().min(1).max(64),
  /** Newest row of each stream at the site. */
  heads: z.object({ ledger: streamHead, telemetry: streamHead }),
  documents: z.record(z.string(), documentVersion),
  /** Newest form of a document that the site can take, by name; none: whole, as one JSON text (form 0). */
  forms: z.record(z.string(), z.int()).optional(),
  protocol: z.object({ min: z.int(), max: z.int() }),
  monoMs: z.number(),
  at: z.string(),
  /** The site has seen that the cloud's history is another one, and asks for checkpoints inside these bounds. */
  probe: z.object({ ledger: forkBounds.optional(), telemetry: forkBounds.optional() }).optional(),
  /** The journal that this one began as a fork of. */
  forkedFrom: z.string().min(1).max(64).optional(),
  /** The journal that its line of forks began with, and how many rows of each stream of that one lie before its own first. */
  root: z
    .object({ journalId: z.string().min(1).max(64), ledger: z.int().min(0), telemetry: z.int().min(0) })
    .optional(),
  /** Token of the recall that this hello answers. */
  recall: z.string().min(1).max(64).optional(),
})
export type Hello = z.infer<typeof hello>

export const welcome = z.object({
  v: z.int().min(1),
  ...addressed,
  /** Cloud generation. */
  generation: z.string(),
  tenantId: z.string(),
  /** `false`: this lane is fenced; its facts are taken, nothing is sent to it. */
  authority: z.boolean(),
  /** Last row the cloud holds of each stream of this journal; the site goes on after it. */
  expected: z.object({ ledger: streamHead, telemetry: streamHead }),
  /**
   * To a fork: how far the line of journals before it is held, counted as in the hello's `root`, with the id of that row where it is
   * known. Less than the fork counts, or another row: the cloud was restored, and the site takes up what is missing.
   */
  root: z.object({ ledger: streamHead, telemetry: streamHead }).optional(),
  /** Rows the cloud holds, newest first, when the heads show a fork or the site asks for them. */
  checkpoints: z.array(streamHead.extend({ stream })).optional(),
  /** The histories have parted, as the cloud sees it: nothing is taken, the site looks where, and forks. */
  forked: z.boolean().optional(),
  /** No rows before this time is over: another box may have the same journal, and is asked first. */
  holdMs: z.int().min(0).optional(),
  /** Versions that the cloud wants applied. */
  documents: z.record(z.string(), documentVersion),
  /** Cloud's wall clock at this welcome. */
  time: z.string(),
  /** The hello's own monotonic time, echoed: cloud time = time + (mono now - monoMs). */
  monoMs: z.number(),
  backoffMs: z.int().optional(),
})
export type Welcome = z.infer<typeof welcome>

export const REFUSALS = ['gap', 'fork', 'unknown-epoch', 'unreadable', 'busy'] as const
export type Refusal = (typeof REFUSALS)[number]

/** Acknowledges what is committed, or refuses and says what is expected. Acks take the maximum. */
export const ack = z.object({
  v: z.int().min(1),
  ...addressed,
  stream,
  /** Highest committed seq, and the id of that row. */
  upTo: z.int().min(0),
  rowId: z.string(),
  refused: z.enum(REFUSALS).optional(),
  reason: z.string().optional(),
  retryAfterMs: z.int().min(0).optional(),
})
export type Ack = z.infer<typeof ack>

export const commandMessage = z.object({ v: z.int().min(1), ...addressed, command })
export type CommandMessage = z.infer<typeof commandMessage>

/**
 * A document, or one chunk of it. Form 0: `body` is a piece of one JSON text, `sha256` (hex) of that text in UTF-8. Form 1
 * (buckets.ts): `body` is a `bucketsChunk`, readable by itself, gzipped, in base64; `sha256` is the digest of the whole that
 * results. With `base` it says what has changed since that version; a site that holds this or a newer one of the same
 * generation may take it.
 */
export const documentMessage = z.object({
  v: z.int().min(1),
  ...addressed,
  name: z.string(),
  version: documentVersion,
  sha256: z.string(),
  chunk: z.object({ index: z.int().min(0), of: z.int().min(1).max(256) }),
  body: z.string(),
  form: z.int().optional(),
  base: documentVersion.optional(),
})
export type DocumentMessage = z.infer<typeof documentMessage>

/**
 * Asks for a new hello: who has authority has changed, or another box said hello with the same journal. With a token the site
 * first writes a row (`journal.marked`), which the other box cannot have, and repeats the token in its hello.
 */
export const recall = z.object({
  v: z.int().min(1),
  ...addressed,
  reason: z.string(),
  token: z.string().optional(),
})
export type Recall = z.infer<typeof recall>
/** Texts of buckets; an empty one stands for a bucket that is empty now. */
export const bucketsChunk = z.object({
  buckets: z.array(
    z.tuple([
      z
        .int()
        .min(0)
        .max(TOKEN_BUCKETS - 1),
      z.string(),
    ]),
  ),
})
/** Most characters of buckets' texts in one chunk; one bucket alone may have more. */
export const BUCKETS_CHUNK_CHARS = 256 * 1024

/** One question of a running authorization, at QoS 0. */
export const ask = z.object({
  v: z.int().min(1),
  nonce: z.string(),
  id: z.string(),
  stationId: z.string(),
  idToken: z.object({ value: z.string(), type: z.string() }),
})
export type Ask = z.infer<typeof ask>
/** The other question: about certificates. A cloud that does not know it does not answer. */
export const certificateAsk = z.object({
  v: z.int().min(1),
  nonce: z.string(),
  id: z.string(),
  stationId: z.string(),
  certificates: certificateQuestion,
})
export type CertificateAsk = z.infer<typeof certificateAsk>
export const answer = z.object({
  v: z.int().min(1),
  ...addressed,
  id: z.string(),
  status: z.enum(['Accepted', 'Blocked', 'Expired', 'Invalid', 'Unknown']),
})
export type Answer = z.infer<typeof answer>
export const certificateAnswer = z.object({
  v: z.int().min(1),
  ...addressed,
  id: z.string(),
  certificates: certificateReply,
})
export type CertificateAnswer = z.infer<typeof certificateAnswer>
/** Either answer: which it is, the question's id tells too. */
export const anyAnswer = z.union([answer, certificateAnswer])
