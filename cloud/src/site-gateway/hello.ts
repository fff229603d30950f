/** Hello and welcome: the conversation begins, and the site learns what is held of it and what it shall have. */
import { instant } from '@switchyard/protocol/instant.ts'
import {
  type Hello,
  hello,
  OLDEST_PROTOCOL_VERSION,
  PROTOCOL_VERSION,
  type Welcome,
} from '@switchyard/protocol/site/envelope.ts'
import { BUS } from '../platform/bus.ts'
import type { ServiceContext } from '../platform/service.ts'
import { checkpointsOf } from './checkpoints.ts'
import type { Conversations } from './conversation.ts'
import type { Documents } from './documents.ts'
import type { Send } from './down.ts'
import { greet } from './greet.ts'
import { heldAtRest, heldOf } from './lanes.ts'
import { heldOfFamily } from './line.ts'
import { isPlain } from './plain.ts'
import { sendRecall } from './recall.ts'

export interface HelloOptions {
  context: ServiceContext
  conversations: Conversations
  documents: Documents
  send: Send
  /** Over how long sites of this one's log partition shall begin to send. */
  backoffMs(siteId: string): number
}

/** Takes one hello and gives whether its lane has authority; rejects only when the database does. */
export async function takeHello(options: HelloOptions, siteId: string, payload: Buffer): Promise<boolean> {
  const { context, conversations, send } = options
  const { log, clock, eventLog } = context
  const said = read(payload)
  if (!said.ok) {
    log.warn({ siteId, reason: said.reason }, 'a hello cannot be read')
    return false
  }
  const greeted = await greet(context, siteId, said.hello)
  if (!greeted) {
    log.warn({ siteId }, 'a hello of a site that is not registered here')
    return false
  }
  const { conversation, forked, recall, holdMs } = greeted
  const { journalId } = conversation
  if (greeted.changed) context.bus.publish(BUS.authority, { siteId })
  conversations.begun(conversation)
  const backoffMs = options.backoffMs(siteId)
  if (recall) {
    const { token, ...to } = recall
    sendRecall(send, { siteId, journalId, ...to }, 'another box said hello with this journal', token)
  }
  // Read after the commit: what this box sent in an earlier conversation is refused from then on.
  const expected =
    forked || greeted.hasKin
      ? await heldAtRest(context.sql, eventLog.partitionOf(siteId), siteId, journalId)
      : await heldOf(context.sql, siteId, journalId)
  const checkpoints = forked ? await checkpointsOf(context.sql, siteId, said.hello, expected) : []
  const root = forked ? undefined : await heldOfFamily(context.sql, siteId, said.hello)
  const welcome: Omit<Welcome, 'v' | 'journalId' | 'epoch' | 'nonce'> = {
    generation: eventLog.generation,
    tenantId: conversation.tenantId,
    authority: conversation.authority,
    expected,
    ...(forked ? { forked, checkpoints } : {}),
    ...(root ? { root } : {}),
    ...(holdMs > 0 ? { holdMs } : {}),
    documents: conversation.authority ? await options.documents.wanted(siteId) : {},
    time: instant(clock.now()),
    monoMs: said.hello.monoMs,
    ...(backoffMs > 0 ? { backoffMs } : {}),
  }
  send(conversation, 'welcome', welcome)
  log.info(
    {
      siteId,
      journalId: conversation.journalId,
      epoch: conversation.epoch,
      authority: conversation.authority,
      expected,
      ...(forked ? { forked } : {}),
    },
    'a site said hello',
  )
  return conversation.authority
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
  const { journalId, nonce, bootId, recall, forkedFrom, protocol } = parsed.data
  const ids = { journalId, nonce, bootId, recall, forkedFrom }
  for (const [name, id] of Object.entries(ids))
    if (id !== undefined && !isPlain(id)) return { ok: false, reason: `${name}: printable ASCII is needed` }
  if (protocol.max < OLDEST_PROTOCOL_VERSION || protocol.min > PROTOCOL_VERSION)
    return { ok: false, reason: `the site speaks versions ${protocol.min} to ${protocol.max}` }
  return { ok: true, hello: parsed.data }
}
