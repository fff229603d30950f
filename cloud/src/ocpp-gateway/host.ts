/** The controllers that this process hosts: each under a lease of its own, opened when its station comes, closed when it is another's. */
import {
  createSiteController,
  GroupedJournal,
  type PasswordCheck,
  randomId,
  SiteClock,
  type SiteController,
} from '@switchyard/edge-controller/site-controller.ts'
import { BUS } from '../platform/bus.ts'
import { createLoop } from '../platform/event-log/loop.ts'
import { faultOf } from '../platform/log.ts'
import type { ServiceContext } from '../platform/service.ts'
import { hostedConfig, RETAINED_MAX_BYTES, RETENTION_MS, randomOf } from './hosted-config.ts'
import { createLeases, type Lease, RENEW_MS } from './lease.ts'
import { PostgresDisk } from './postgres-disk.ts'
import { createServiceBroker } from './service-broker.ts'

/** Sites of a holder that is gone that are taken over in one go. */
const ADOPT_MAX = 50
/**
 * Leases must have been renewable for so long before others' are taken over: after an outage of the database all of them have
 * expired, and their holders are there.
 */
const ADOPT_AFTER_MS = 3 * RENEW_MS
/** Longest that a controller which is given up may take to close its connections. */
const GIVE_UP_MS = 2_000

export interface Hosted {
  lease: Lease
  controller: SiteController
}

export interface Host {
  /** The site's controller, here: taken over from whoever has it. Undefined: no more fit. */
  open(siteId: string, tenantId: string): Promise<Hosted | undefined>
  /** As far as it is hosted here now. */
  get(siteId: string): Hosted | undefined
  readonly size: number
  start(): void
  stop(deadlineMs: number): Promise<void>
}

export function createHost(context: ServiceContext, passwords: PasswordCheck, version: string): Host {
  const { sql, clock, random, log, bus, instance } = context
  const maxHosted = context.config.ocppMaxStations
  const leases = createLeases(sql, instance)
  const edgeRandom = randomOf(random)
  const hosted = new Map<string, Hosted>()
  const opening = new Map<string, Promise<Hosted>>()
  /** Controllers that are on their way out. */
  const closing = new Set<Promise<void>>()
  let stopping = false
  let renewableSince = clock.mono()

  async function begin(lease: Lease): Promise<Hosted> {
    const { siteId, epoch } = lease
    const own = log.child({ siteId })
    let given = false
    const giveUp = (reason: string): void => {
      if (given) return
      given = true
      own.warn({ epoch, reason }, 'a hosted controller is given up')
      const it = hosted.get(siteId)
      if (it?.lease.epoch === epoch) close(it)
    }
    const journal = new GroupedJournal({
      disk: (events) =>
        new PostgresDisk(sql, lease, randomId(edgeRandom), events, () => giveUp('its lease is another’s')),
      soon: setImmediate,
      after: clock.after,
      onFailure: (error) => giveUp(error.message),
    })
    const controller = await createSiteController({
      siteId,
      version,
      node: process.versions.node,
      journal,
      clock: new SiteClock({ now: clock.now, mono: clock.mono, after: clock.after, isServed: () => true }),
      random: edgeRandom,
      log: own,
      broker: createServiceBroker(context, lease),
      config: hostedConfig(context.config),
      retentionMs: RETENTION_MS,
      retainedMaxBytes: RETAINED_MAX_BYTES,
      onFatal: (error) => giveUp(error.message),
      passwords,
    })
    const it = { lease, controller }
    hosted.set(siteId, it)
    try {
      await controller.start()
    } catch (error) {
      close(it)
      throw error
    }
    if (given || stopping) {
      close(it)
      throw new Error(`the controller of site ${siteId} was given up while it began`)
    }
    return it
  }

  function close(it: Hosted): void {
    const { siteId } = it.lease
    if (hosted.get(siteId) === it) hosted.delete(siteId)
    const done = it.controller
      .stop(GIVE_UP_MS)
      .catch((error: unknown) =>
        log.debug({ siteId, err: error }, 'a hosted controller did not stop in order'),
      )
      .finally(() => closing.delete(done))
    closing.add(done)
  }

  function opened(siteId: string, take: () => Promise<Lease>): Promise<Hosted> {
    const under = opening.get(siteId)
    if (under) return under
    const work = take()
      .then(begin)
      .finally(() => opening.delete(siteId))
    opening.set(siteId, work)
    return work
  }

  async function renew(): Promise<boolean> {
    if (hosted.size > 0) {
      const held = [...hosted.values()]
      try {
        const ours = await leases.renew(held.map((it) => it.lease))
        for (const it of held) if (!ours.has(it.lease.siteId)) close(it)
      } catch (error) {
        // Nothing is lost by it: what matters is checked with every commit.
        renewableSince = clock.mono()
        throw error
      }
    }
    return false
  }

  async function adopt(): Promise<boolean> {
    const room = Math.min(ADOPT_MAX, maxHosted - hosted.size)
    if (stopping || room <= 0 || clock.mono() - renewableSince < ADOPT_AFTER_MS) return false
    const adopted = await leases.adopt(room)
    for (const lease of adopted) {
      log.info({ siteId: lease.siteId, epoch: lease.epoch }, 'a site of a holder that is gone is taken over')
      const before = hosted.get(lease.siteId)
      if (before) close(before)
      await opened(lease.siteId, async () => lease).catch((error: unknown) =>
        log.warn({ ...faultOf(error), siteId: lease.siteId }, 'a controller could not be taken over'),
      )
    }
    return adopted.length === room
  }

  const loops: { stop(): Promise<void> }[] = []
  let unsubscribe = (): void => {}

  return {
    async open(siteId, tenantId) {
      const here = hosted.get(siteId)
      if (here) return here
      if (stopping || hosted.size + opening.size >= maxHosted) return undefined
      return await opened(siteId, async () => {
        const lease = await leases.take(siteId, tenantId)
        bus.publish(BUS.hosted, { siteId, epoch: lease.epoch })
        return lease
      })
    },
    get: (siteId) => hosted.get(siteId),
    get size() {
      return hosted.size
    },
    start() {
      unsubscribe = bus.subscribe(BUS.hosted, (message) => {
        const { siteId, epoch } = message as { siteId?: unknown; epoch?: unknown }
        const it = typeof siteId === 'string' ? hosted.get(siteId) : undefined
        if (!it || typeof epoch !== 'number' || epoch <= it.lease.epoch) return
        log.info({ siteId, epoch }, 'the station came back at another replica')
        close(it)
      })
      loops.push(
        createLoop({ clock, log, name: 'leases', pollMs: RENEW_MS, work: renew }),
        createLoop({ clock, log, name: 'adoption', pollMs: RENEW_MS, work: adopt }),
      )
    },
    async stop(deadlineMs) {
      stopping = true
      unsubscribe()
      await Promise.all(loops.map((it) => it.stop()))
      await Promise.allSettled(opening.values())
      const held = [...hosted.values()]
      for (const it of held) close(it)
      let cancel = (): void => {}
      const deadline = new Promise<void>((resolve) => {
        cancel = clock.after(deadlineMs, resolve)
      })
      await Promise.race([Promise.all(closing), deadline])
      cancel()
      if (held.length > 0) await leases.release(held.map((it) => it.lease))
    },
  }
}
