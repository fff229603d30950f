/** Wake-ups, presence and cache over replicas: in memory in one process, Redis with more. Losing a message costs latency, never a fact. */
export interface Bus {
  /** At most once, to every process that listens. `message` is JSON. */
  publish(channel: string, message: unknown): void
  subscribe(channel: string, handler: (message: unknown) => void): () => void
  /** A value with an expiry, e.g. the last live picture of a site. Bounded: oldest go first. */
  put(key: string, value: unknown, ttlMs: number): Promise<void>
  get(key: string): Promise<unknown>
  getMany(keys: string[]): Promise<unknown[]>
  ready(): boolean
  close(): Promise<void>
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
  /** A consumer's cursors have moved. */
  projected: (consumer: string) => `projected.${consumer}`,
} as const
