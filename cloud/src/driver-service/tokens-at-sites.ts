/** Waits, for a moment at most, until the sites that are online have a change of tokens: what the API says of a token holds at its next swipe. */
import { z } from 'zod'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { TokensPublisher } from './tokens-document.ts'

/** Longest that a change waits until it is in a version of the document. */
const PUBLISH_WAIT_MS = 2_000
/** As long as station-service waits for the sites, and a moment. */
const APPLIED_TIMEOUT_MS = 3_000
/** A waiter looks by itself this often: another process may make the document. */
const LOOK_MS = 200

const standing = z.object({ online: z.int(), without: z.int().nullable() })

export type TokensAtSites = (tenantId: string, gone: AbortSignal) => Promise<void>

/** After the commit that changed tokens. Never rejects: a site that was not waited for takes the change all the same. */
export function createTokensAtSites(context: ServiceContext, publisher: TokensPublisher): TokensAtSites {
  const { sql, clock, eventLog, log } = context
  const stations = context.client('station-service')

  const ask = (tenantId: string, n: number, waitMs: number, signal: AbortSignal) => {
    const query = new URLSearchParams({
      generation: eventLog.generation,
      n: String(n),
      waitMs: String(waitMs),
    })
    const request = { timeoutMs: APPLIED_TIMEOUT_MS, signal }
    return stations.read(`/v1/documents/tokens/applied?${query}`, { tenantId }, standing, request)
  }

  /** The version that has every change committed so far; undefined when it was not made in time. */
  async function published(tenantId: string, gone: AbortSignal): Promise<number | undefined> {
    const deadlineMs = clock.mono() + PUBLISH_WAIT_MS
    let before: number | undefined
    let wake: () => void = () => {}
    const stop = publisher.onMade(() => wake())
    try {
      for (;;) {
        const made = new Promise<void>((resolve) => {
          const cancel = clock.after(LOOK_MS, resolve)
          wake = () => {
            cancel()
            resolve()
          }
        })
        const [document] = await sql<{ n: number; dirty: boolean }[]>`
          select n, dirty from driver.document where tenant_id = ${tenantId}`
        if (document === undefined) return undefined
        before ??= document.n
        // One that is made after the change holds it, also where the next change has marked the document again.
        if (!document.dirty || document.n > before) return document.n
        if (clock.mono() >= deadlineMs || gone.aborted) return undefined
        await made
      }
    } finally {
      wake()
      stop()
    }
  }

  return async (tenantId, gone) => {
    try {
      const { online, without } = await ask(tenantId, 0, 0, gone)
      if (online === 0 || without === null) return
      const n = await published(tenantId, gone)
      if (n !== undefined) await ask(tenantId, n, PUBLISH_WAIT_MS, gone)
    } catch (error) {
      if (!gone.aborted) log.info(faultOf(error), 'a change of tokens did not wait for its sites')
    }
  }
}
