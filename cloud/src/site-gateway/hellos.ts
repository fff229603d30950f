/** Hellos of many sites at once: a few at a time, so that batches and live pictures find the database too; and sites spread out. */
import type { UpChannel } from '@switchyard/protocol/site/topics.ts'
import type { Commands } from './commands.ts'
import { type HelloOptions, takeHello } from './hello.ts'
import { backoffMs, type Load } from './load.ts'
import { createSlots } from './slots.ts'

/** Hellos that are with the database at once. */
const HELLOS_AT_ONCE = 2

export interface HellosOptions extends Omit<HelloOptions, 'backoffMs'> {
  commands: Commands
  /** What waits for the log partition of a site. */
  loadFor(siteId: string): Load
}

/** Said again before it was answered: one welcome is enough. In a storm, when hellos wait for each other, most of them are such. */
export function isHelloAgain(channel: UpChannel, before: Buffer, after: Buffer): boolean {
  if (channel !== 'hello') return false
  const nonce = nonceOf(before)
  return nonce !== undefined && nonceOf(after) === nonce
}

function nonceOf(payload: Buffer): string | undefined {
  try {
    const { nonce } = JSON.parse(payload.toString('utf8'))
    return typeof nonce === 'string' ? nonce : undefined
  } catch {
    return undefined
  }
}

export function createHellos(options: HellosOptions): {
  take(siteId: string, payload: Buffer): Promise<void>
} {
  const slot = createSlots(HELLOS_AT_ONCE)
  let underWay = 0
  const each = { ...options, backoffMs: (siteId: string) => backoffMs(underWay, options.loadFor(siteId)) }
  return {
    async take(siteId, payload) {
      underWay++
      try {
        if (!(await slot(() => takeHello(each, siteId, payload)))) return
      } finally {
        underWay--
      }
      await options.commands.flush([siteId], true)
      await options.documents.flush(siteId)
    },
  }
}
