/** Wake-ups, presence, cache and counters over replicas: in memory in one process, Redis with more. Losing a message costs latency, never a fact. */
export interface Bus {
  /** At most once, to every process that listens. `message` is JSON. */
  publish(channel: string, message: unknown): void
  subscribe(channel: string, handler: (message: unknown) => void): () => void
  /** A value with an expiry, e.g. the last live picture of a site. Bounded: oldest go first. False when it was not kept. */
  put(key: string, value: unknown, ttlMs: number): Promise<boolean>
  /** The same where there is no value yet; what is there stays as it is. */
  putNew(key: string, value: unknown, ttlMs: number): Promise<void>
  get(key: string): Promise<unknown>
  getMany(keys: string[]): Promise<unknown[]>
  /**
   * Adds `by` to a counter, which is never below 0 and ends `windowMs` after it began. Counted over all processes; while Redis is
   * away, or too slow for whoever waits for an answer, in this process alone.
   */
  add(key: string, by: number, windowMs: number): Promise<Counted>
  ready(): boolean
  close(): Promise<void>
}

export interface Counted {
  /** With what was just added. */
  count: number
  /** Until the counter begins anew, ms. */
  endsInMs: number
}

/** Channels and keys, named in one place. */
export const BUS = {
  /** New entries in the log: `{partition}`. */
  appended: 'log.appended',
  /** Something in an outbox. */
  outbox: 'outbox.ready',
  /** A live picture of a site: StreamLive with tenantId. */
  live: (tenantId: string) => `live.${tenantId}`,
  livePicture: (siteId: string) => `live-picture.${siteId}`,
  /** Who speaks for a site is another one now: `{siteId}`. */
  authority: 'site.authority',
  /** Down to a direct site, to the ocpp-gateway that has it: `{channel, text}`. */
  siteDown: (siteId: string) => `site-down.${siteId}`,
  /** A direct site is hosted by another ocpp-gateway now: `{siteId, epoch}`. */
  hosted: 'site.hosted',
  /** A command's outcome: `{commandId}`. */
  outcome: (commandId: string) => `outcome.${commandId}`,
  /** Who a credential (SHA-256, hex) belongs to. */
  principal: (credential: string) => `principal.${credential}`,
  /** Failed sign-ins from an address, and for an account (SHA-256). */
  failedFrom: (address: string) => `sign-in-from.${address}`,
  failedFor: (account: string) => `sign-in-for.${account}`,
  /** Requests of an API key or an operator. */
  requestsOf: (kind: string, id: string) => `requests.${kind}.${id}`,
  /** A consumer's cursors have moved. */
  projected: (consumer: string) => `projected.${consumer}`,
} as const
