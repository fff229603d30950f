/** Logs and diagnostics of stations, as the API shows them. */
import { z } from 'zod'
import { UPLOAD_KINDS } from '../site/file.ts'

export const stationLog = z
  .object({
    logId: z.string(),
    stationId: z.string(),
    siteId: z.string(),
    /** The command that asked for it. */
    commandId: z.string(),
    kind: z.enum(UPLOAD_KINDS),
    name: z.string().nullable(),
    bytes: z.int(),
    /** Bytes that are in the cloud. */
    bytesHere: z.int(),
    /** Hexadecimal. */
    sha256: z.string(),
    /** `ready`: verified, and can be downloaded. `transferring`: the rest is on its way from the site. */
    status: z.enum(['transferring', 'ready']),
    /** When the station had uploaded it at its site. */
    receivedAt: z.iso.datetime(),
  })
  .meta({ id: 'StationLog' })
export type StationLog = z.infer<typeof stationLog>
