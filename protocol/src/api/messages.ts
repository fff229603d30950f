/** A station's newest OCPP messages as the API shows them. */
import { z } from 'zod'
import { loggedMessage } from '../site/messages.ts'
import { pageQuery } from './shapes.ts'

export const messagesFilter = pageQuery.extend({
  action: z.string().max(64).optional(),
  sessionId: z.string().max(255).optional(),
  /** RFC 3339; `from` included, `to` not. */
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
  /** `transcript`: JSONL in the order of time with a header line (ocpp/transcript.ts). */
  format: z.enum(['json', 'transcript']).default('json'),
})

export const stationMessage = loggedMessage.omit({ seq: true }).meta({ id: 'StationMessage' })
export type StationMessage = z.infer<typeof stationMessage>
