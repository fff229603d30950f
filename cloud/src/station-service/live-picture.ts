/** The last live picture of a site, and what of it may be shown: never against the ledger. */
import { type Live, type LiveSession, live as liveShape } from '@switchyard/protocol/site/live.ts'
import { BUS, type Bus } from '../platform/bus.ts'

/** Newest pictures by site id; a site without one, or with one that cannot be read, is left out. */
export async function livePictures(bus: Bus, siteIds: readonly string[]): Promise<Map<string, Live>> {
  const unique = [...new Set(siteIds)]
  const pictures = new Map<string, Live>()
  if (unique.length === 0) return pictures
  const held = await bus.getMany(unique.map(BUS.livePicture))
  for (const [index, value] of held.entries()) {
    const read = liveShape.safeParse(value)
    const siteId = unique[index]
    if (read.success && siteId !== undefined) pictures.set(siteId, read.data)
  }
  return pictures
}

/**
 * A running session in a picture. Undefined when the picture is of another journal, or older than the newest fact that is
 * here of the session, or its reading is: then the facts are the better picture.
 */
export function sessionInPicture(
  picture: Live | undefined,
  session: {
    sessionId: string
    stationId: string
    journalId: string
    ledgerSeq: number
    readAt: Date | null
  },
): LiveSession | undefined {
  if (picture === undefined || picture.journalId !== session.journalId) return undefined
  if (picture.ledgerSeq < session.ledgerSeq) return undefined
  const station = picture.stations.find((s) => s.stationId === session.stationId)
  const live = station?.connectors.find((c) => c.session?.sessionId === session.sessionId)?.session
  if (live?.readAt === undefined || session.readAt === null) return live
  return Date.parse(live.readAt) >= session.readAt.getTime() ? live : undefined
}
