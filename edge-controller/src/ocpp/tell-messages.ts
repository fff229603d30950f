/** Answers the question for a station's messages (protocol/src/site/messages.ts). */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { messagesQuery } from '@switchyard/protocol/site/messages.ts'
import { z } from 'zod'
import type { StateReader } from '../draft.ts'
import type { CommandResult } from '../execute.ts'
import { sessionById } from '../session/session.ts'
import { failed } from './commands.ts'
import type { MessageLog } from './message-log.ts'

/** Codes: InvalidArguments; UnknownSession, where the site knows none of that id at this station (any more). */
export function tellMessages(
  log: MessageLog,
  state: StateReader,
  stationId: string,
  args: unknown,
): CommandResult {
  const query = messagesQuery.safeParse(args)
  if (!query.success) return failed('InvalidArguments', z.prettifyError(query.error).slice(0, 500))
  const { sessionId } = query.data
  const session = sessionById(state, sessionId)
  if (sessionId !== undefined && session?.stationId !== stationId)
    return failed('UnknownSession', 'the site knows no such session of this station, or no longer does')
  const page = log.page(stationId, query.data, session?.transactionId)
  return { status: 'accepted', reply: page as unknown as JsonObject }
}
