/** Hello and welcome: the conversation begins, and the site learns what is held of it and what it shall have. */
import { instant } from '@switchyard/protocol/instant.ts'
import {
  type Hello,
  hello,
  OLDEST_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  type Welcome,
} from '@switchyard/protocol/site/envelope.ts'
import { STREAMS } from '@switchyard/protocol/site/fact.ts'
import type { EventLog } from '../platform/event-log/event-log.ts'
import type { ServiceContext } from '../platform/service.ts'
import { checkpointsOf } from './checkpoints.ts'
import type { Commands } from './commands.ts'
import type { Conversation, Conversations } from './conversation.ts'
import type { Documents } from './documents.ts'
import type { Send } from './down.ts'
import { greet } from './greet.ts'
import { isPlain } from './plain.ts'

export interface HelloOptions {
  context: ServiceContext
  conversations: Conversations
  commands: Commands
  documents: Documents
  send: Send
}

/** Takes one hello; rejects only when the database does. */
export async function takeHello(options: HelloOptions, siteId: string, payload: Buffer): Promise<void> {
  const { context, conversations, send } = options
  const { log, clock, eventLog } = context
  const said = read(payload)
  if (!said.ok) {
    log.warn({ siteId, reason: said.reason }, 'a hello cannot be read')
    return
  }
  const conversation = await greet(context, siteId, said.hello)
  if (!conversation) {
    log.warn({ siteId }, 'a hello of a site that is not registered here')
    return
  }
  conversations.begun(conversation)
  const expected = await heldOf(eventLog, conversation)
  const forked = said.hello.probe !== undefined || isForked(said.hello.heads, expected)
  const checkpoints = forked ? await checkpointsOf(eventLog.sql, siteId, said.hello, expected) : []
  const welcome: Omit<Welcome, 'v' | 'journalId' | 'epoch' | 'nonce'> = {
    generation: eventLog.generation,
    tenantId: conversation.tenantId,
    authority: conversation.authority,
    expected,
    ...(checkpoints.length > 0 ? { checkpoints } : {}),
    documents: conversation.authority ? await options.documents.wanted(siteId) : {},
    time: instant(clock.now()),
    monoMs: said.hello.monoMs,
  }
  send(conversation, 'welcome', welcome)
  log.info(
    {
      siteId,
      journalId: conversation.journalId,
      epoch: conversation.epoch,
      authority: conversation.authority,
      expected,
    },
    'a site said hello',
  )
  if (!conversation.authority) return
  await options.commands.flush([siteId], true)
  await options.documents.flush(siteId)
}

function read(payload: Buffer): { ok: true; hello: Hello } | { ok: false; reason: string } {
  let value: unknown
  try {
    value = JSON.parse(payload.toString('utf8'))
  } catch (error) {
    return { ok: false, reason: `not JSON: ${(error as Error).message}` }
  }
  const parsed = hello.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return { ok: false, reason: `${issue?.path.join('.')}: ${issue?.message}` }
  }
  const { journalId, nonce, protocol } = parsed.data
  if (!isPlain(journalId) || !isPlain(nonce))
    return { ok: false, reason: 'journalId, nonce: printable ASCII is needed' }
  if (protocol.max < OLDEST_PROTOCOL_VERSION || protocol.min > PROTOCOL_VERSION)
    return { ok: false, reason: `the site speaks versions ${protocol.min} to ${protocol.max}` }
  return { ok: true, hello: parsed.data }
}

async function heldOf(eventLog: EventLog, { siteId, journalId }: Conversation): Promise<Welcome['expected']> {
  const [ledger, telemetry] = await Promise.all(
    STREAMS.map((stream) => eventLog.streamState(siteId, journalId, stream)),
  )
  const head = (held: typeof ledger) => ({ seq: held?.last ?? 0, rowId: held?.lastId ?? '' })
  return { ledger: head(ledger), telemetry: head(telemetry) }
}

/** The site's head is behind what is held, or is another row: then its history has parted from it. */
function isForked(heads: Hello['heads'], expected: Welcome['expected']): boolean {
  return STREAMS.some((stream) => {
    const [at, held] = [heads[stream], expected[stream]]
    return at.seq < held.seq || (at.seq === held.seq && at.rowId !== held.rowId)
  })
}
