/**
 * Who a credential belongs to, asked of Postgres and kept on the bus for a few seconds (cache-aside): it is asked by every request
 * of the API. A revocation holds at once: it puts a mark in the place of what is kept, which no earlier reading can replace, and where
 * the mark cannot be put it waits until nothing that was kept counts any more. What is kept is sealed with a key of the services,
 * together with its end, so that whoever writes to Redis makes nobody known.
 */
import { Counter } from 'prom-client'
import { BUS } from '../platform/bus.ts'
import { sleep } from '../platform/clock.ts'
import { open, seal } from '../platform/sealed.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Principal } from './queries.ts'

/** How long a principal is kept, counted from before it was read. */
export const KEPT_MS = 5_000
/** How long a revoked credential is not kept anew: longer than the clocks of two replicas may differ beside KEPT_MS. */
const REVOKED_MS = 60_000
/** In the place of a principal: ask Postgres. */
const REVOKED = 'revoked'

export class KnownPrincipals {
  readonly #context: Pick<ServiceContext, 'bus' | 'clock' | 'random' | 'config'>
  readonly #lookups: Counter<'result'>

  constructor(context: Pick<ServiceContext, 'bus' | 'clock' | 'random' | 'config' | 'metrics'>) {
    this.#context = context
    this.#lookups = new Counter({
      name: 'switchyard_principal_lookups_total',
      help: 'Requests by whether the bus knew who asks (hit) or Postgres was asked (miss)',
      labelNames: ['result'],
      registers: [context.metrics],
    })
    for (const result of ['hit', 'miss']) this.#lookups.inc({ result }, 0)
  }

  /** Whose credential it is, by its SHA-256; `read` asks Postgres. Undefined: nobody's, which is not kept. */
  async find(hash: Buffer, read: () => Promise<Principal | undefined>): Promise<Principal | undefined> {
    const { bus, clock, random, config } = this.#context
    const credential = hash.toString('hex')
    const key = BUS.principal(credential)
    const held = await bus.get(key)
    const known = this.#opened(held, credential)
    this.#lookups.inc({ result: known ? 'hit' : 'miss' })
    if (known) return known
    const from = clock.now()
    const principal = await read()
    const keepUntil = Math.min(from + KEPT_MS, principal?.endsAt ?? Number.POSITIVE_INFINITY)
    const leftMs = keepUntil - clock.now()
    if (principal && held !== REVOKED && leftMs > 0) {
      const text = JSON.stringify({ principal, keepUntil })
      // Nobody waits for it.
      void bus.putNew(key, seal(text, config.serviceKey, random.bytes), leftMs)
    }
    return principal
  }

  /** After a credential was revoked in Postgres; when it resolves, no replica takes the credential any more. */
  async forget(hash: Buffer): Promise<void> {
    const { bus, clock } = this.#context
    if (await bus.put(BUS.principal(hash.toString('hex')), REVOKED, REVOKED_MS)) return
    await sleep(clock, KEPT_MS)
  }

  #opened(held: unknown, credential: string): Principal | undefined {
    if (typeof held !== 'string' || held === REVOKED) return undefined
    try {
      const { principal, keepUntil } = JSON.parse(open(held, this.#context.config.serviceKey))
      if (principal.credential === credential && this.#context.clock.now() < keepUntil) return principal
    } catch {
      // of another service key, or not ours: as if nothing were kept
    }
    return undefined
  }
}
