/** Messages of sites to whoever takes them: one at a time per site and channel, so that a loud site holds up only itself. */
import { MAX_PAYLOAD_BYTES } from '@switchyard/protocol/site/envelope.ts'
import { parseUpTopic, type UpChannel } from '@switchyard/protocol/site/topics.ts'
import type { Logger } from 'pino'
import { faultOf } from '../platform/log.ts'

/** Messages of one site and channel that wait; more are dropped, for each is said again or is outdated soon. */
export const MAX_WAITING = 8
/** Over all sites. */
export const MAX_WAITING_OVERALL = 20_000

/** Whether `after` says nothing that `before` did not, so that the answer to the one answers both. */
export type IsAgain = (channel: UpChannel, before: Buffer, after: Buffer) => boolean

export type Take = (siteId: string, payload: Buffer) => Promise<void> | void

export interface Dispatch {
  received(topic: string, payload: Buffer): void
  /** Takes nothing more; resolves when what was taken is done. */
  stop(): Promise<void>
}

export function createDispatch(
  takers: Record<UpChannel, Take>,
  log: Logger,
  dropped: (channel: string) => void,
  isAgain: IsAgain = () => false,
): Dispatch {
  const lines = new Map<string, Buffer[]>()
  const running = new Set<Promise<void>>()
  let waiting = 0
  let stopped = false

  async function work(key: string, line: Buffer[], siteId: string, channel: UpChannel): Promise<void> {
    for (let payload = line.shift(); payload; payload = line.shift()) {
      waiting--
      try {
        await takers[channel](siteId, payload)
        forget(line, channel, payload)
      } catch (error) {
        log.error({ ...faultOf(error), siteId, channel }, 'a message of a site was not taken')
      }
    }
    lines.delete(key)
  }

  /** What came again while its like was under way. */
  function forget(line: Buffer[], channel: UpChannel, taken: Buffer): void {
    const left = line.filter((it) => !isAgain(channel, taken, it))
    waiting -= line.length - left.length
    line.splice(0, line.length, ...left)
  }

  return {
    received(topic, payload) {
      const parsed = parseUpTopic(topic)
      if (!parsed || stopped) return
      const { siteId, channel } = parsed
      if (payload.length > MAX_PAYLOAD_BYTES) {
        log.warn({ siteId, channel, bytes: payload.length }, 'a message over the size bound was dropped')
        return dropped(channel)
      }
      const key = `${siteId}/${channel}`
      const line = lines.get(key)
      if (waiting >= MAX_WAITING_OVERALL || (line && line.length >= MAX_WAITING)) return dropped(channel)
      waiting++
      if (line) {
        line.push(payload)
        return
      }
      const fresh = [payload]
      lines.set(key, fresh)
      const done = work(key, fresh, siteId, channel).finally(() => running.delete(done))
      running.add(done)
    },
    async stop() {
      stopped = true
      await Promise.all(running)
    },
  }
}
