/** The central system of one site's chargers: their connections, sessions and limits, over the site's state. */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { Live, LiveStation } from '@switchyard/protocol/site/live.ts'
import { MESSAGES_KIND } from '@switchyard/protocol/site/messages.ts'
import type { CentralSystemPorts } from './central-system-ports.ts'
import { Revocations } from './certificates/revocation.ts'
import { type Execute, lifeOf } from './execute.ts'
import { liveStations } from './live.ts'
import { CONTROL_INTERVAL_MS, LoadControl } from './load/control.ts'
import { refusalOf } from './load/guard.ts'
import { limitProfileId } from './load/profile-ids.ts'
import { rateFor } from './load/rate.ts'
import { type Admission, admit, type Knock } from './ocpp/admission.ts'
import { failed } from './ocpp/commands.ts'
import type { ChargingOffer } from './ocpp/handler.ts'
import { LocalLists } from './ocpp/local-lists.ts'
import { MessageLog } from './ocpp/message-log.ts'
import { RefusedKnocks } from './ocpp/refused-knocks.ts'
import { StaleCaches } from './ocpp/stale-caches.ts'
import { StationLink, type StationLinkPorts } from './ocpp/station-link.ts'
import { CostTeller, RUNNING_COST_INTERVAL_MS } from './ocpp/tell-cost.ts'
import { tellMessages } from './ocpp/tell-messages.ts'
import type { Socket } from './ports.ts'
import { GapAsks } from './session/gap-asks.ts'
import { hasTakenItsTrust, STOP_AGAIN_MS, TrustStops } from './session/offline-risk.ts'
import { isOnConnector, runningSessions, type Session, sessionById } from './session/session.ts'
import { SessionSweep, SWEEP_INTERVAL_MS } from './session/sweep.ts'
import type { Moment } from './session/timing.ts'
import { TransactionIds } from './session/transaction-ids.ts'
import { NOTHING } from './site-state.ts'
import { dynamicProfilesOf } from './station/dynamic-profiles.ts'
import { PasswordCheck } from './station/password.ts'
import { quirksAt } from './station/quirks.ts'
import type { Credential } from './station/security.ts'
import { stationEntry, stationSettings } from './station/settings.ts'
import { STATION_KIND, type Station, stationOf } from './station/station.ts'

/** Stations that one site remembers; a further new identity is turned away. */
export const MAX_STATIONS = 1_000

/** Documents beside `stations` that say something of the settings of stations. */
const OF_SETTINGS = ['models', 'site', 'tariffs']

export interface CentralSystem {
  /** Whether a station may connect; asked before the handshake is completed. */
  admit(knock: Knock): Promise<Admission>
  /** Takes over the socket of a station that was admitted with a credential; one that the station had before is closed. */
  accept(socket: Socket, stationId: string, version: OcppVersion, credential: Credential): void
  execute: Execute
  /** The time is known now: what was written under the unknown clock of this boot gets its true time. */
  correctTimes(before: Moment): void
  live(): LiveStation[]
  load(): Live['load']
  /** Calls back when the picture has changed. */
  onChange(listener: () => void): () => void
  start(): void
  /** Closes every connection and lets what is under way become durable, at most until the deadline. */
  stop(deadlineMs: number): Promise<void>
}

export function createCentralSystem(ports: CentralSystemPorts): CentralSystem {
  const { state, clock, random, log, config } = ports
  const passwords = ports.passwords ?? new PasswordCheck(clock, random)
  const refused = new RefusedKnocks()
  const messages = new MessageLog(clock)
  const links = new Map<string, StationLink>()
  const listeners = new Set<() => void>()
  const sweep = new SessionSweep()
  const trustStops = new TrustStops()
  const gapAsks = new GapAsks(state, clock.mono())
  const cancels: (() => void)[] = []
  let stopping = false

  const changed = (): void => {
    for (const listener of listeners) listener()
  }
  const load = new LoadControl({
    state,
    clock,
    log,
    siteLimitMa: config.siteLimitMa,
    failsafeMa: config.failsafeMa,
    planning: config.planning ?? 'earliest',
    reach: (stationId) => links.get(stationId)?.reach,
    hasFailsafe: (stationId) => stationSettings(state, stationId, config).failsafe,
    onChange: changed,
  })
  const stationIds = () => state.list<Station>(STATION_KIND).map((station) => station.stationId)
  const costs = new CostTeller({ state, clock, stationIds, reach: (id) => links.get(id)?.reach })
  const transactionIds = new TransactionIds(state, random)
  const revocations = new Revocations(ports)
  const linkPorts: Omit<StationLinkPorts, 'stationId'> = {
    ...ports,
    record(stationId, direction, text) {
      messages.record(stationId, direction, text)
      ports.record?.(stationId, direction, text)
    },
    transactionIds,
    revocations,
    stationIds,
    onFatal: (error) => {
      log.error({ error }, 'the journal failed: the controller must stop')
      ports.onFatal?.(error)
    },
    onPresence: changed,
    onBooted: (stationId) => {
      costs.booted(stationId)
      localLists.booted(stationId)
      load.stationBooted(stationId)
    },
    onConnected: (stationId) => load.stationReturned(stationId),
    offer,
    limitOf: (session) => load.limitOf(session),
    refusalOf: (call, stationId) =>
      load.limitMa === undefined ? undefined : refusalOf(call, dynamicProfilesOf(state, stationId)),
  }
  const linkOf = (stationId: string): StationLink => {
    const known = links.get(stationId)
    if (known) return known
    const link = new StationLink({ ...linkPorts, stationId })
    links.set(stationId, link)
    return link
  }

  /** K15: load control tells its limit again; where there is none, the car gets what it can take. */
  function offer({ offerTo, mostMa }: ChargingOffer): void {
    const session = sessionById(state, offerTo)
    const reach = session && links.get(session.stationId)?.reach
    if (!reach || load.tellLimit(session)) return
    const { evseId } = session
    const rate = rateFor(mostMa, quirksAt(state, session.stationId))
    const profile = { evseId, rate, session, profileId: limitProfileId(evseId) }
    const { action, payload } = reach.module.limitProfile(profile)
    void reach.call(action, payload)
  }

  function every(intervalMs: number, work: () => void): void {
    let cancel = (): void => {}
    const tick = (): void => {
      work()
      if (!stopping) cancel = clock.after(intervalMs, tick)
    }
    cancel = clock.after(intervalMs, tick)
    cancels.push(() => cancel())
  }

  const localLists = new LocalLists({
    state,
    clock,
    log,
    execute: (command, remainingMs) => linkOf(command.stationId).execute(command, remainingMs),
    limitsOf: (stationId) => linkOf(stationId).listLimits,
  })

  const staleCaches = new StaleCaches({
    state,
    clock,
    log,
    execute: (command, remainingMs) => linkOf(command.stationId).execute(command, remainingMs),
    hasBaseline: (stationId) => stationSettings(state, stationId, config).baseline,
  })

  /** An unknown token has had what the site risks on it while nobody can be asked. */
  function stopOnTrust({ sessionId, stationId }: Session): void {
    log.warn(
      { stationId, sessionId },
      'a session on trust has taken what it may: its station is told to stop',
    )
    const life = lifeOf(clock.now(), STOP_AGAIN_MS)
    const command = { id: sessionId, stationId, kind: 'RemoteStop', args: { sessionId }, ...life }
    void linkOf(stationId).execute(command, STOP_AGAIN_MS)
  }

  function sweepSessions(): void {
    const running = state.list<Station>(STATION_KIND).flatMap(({ stationId }) =>
      runningSessions(state, stationId).map((session) => ({
        session,
        connected: links.get(stationId)?.connected ?? false,
        overtaken: !isOnConnector(state, session),
      })),
    )
    for (const { session, reason } of sweep.overdue(running, clock.mono()))
      void linkOf(session.stationId).presumeEnd(session.sessionId, reason)
    const taken = running.map((it) => it.session).filter((session) => hasTakenItsTrust(state, session))
    for (const session of trustStops.due(taken, clock.mono())) stopOnTrust(session)
    for (const session of gapAsks.due(clock.mono(), (id) => links.get(id)?.reach !== undefined))
      void linkOf(session.stationId).askOfGap(session)
    revocations.refresh()
    for (const link of links.values()) {
      link.askForMissed()
      if (link.reach) {
        staleCaches.clear(link.stationId)
        localLists.keep(link.stationId)
      }
      link.renewCertificate()
    }
    for (const { stationId } of state.list<Station>(STATION_KIND)) linkOf(stationId).expireReservations()
  }

  /** Also stations that are not connected: one of them may have been removed. */
  function applyStations(): void {
    for (const { stationId } of state.list<Station>(STATION_KIND)) linkOf(stationId).applySettings()
  }

  return {
    async admit(knock) {
      if (stopping) return { ok: false, status: 503, reason: 'the controller stops' }
      const isNew = !stationOf(state, knock.stationId) && !stationEntry(state, knock.stationId)
      if (isNew && state.list(STATION_KIND).length >= MAX_STATIONS)
        return { ok: false, status: 503, reason: `a site has at most ${MAX_STATIONS} stations` }
      const admission = await admit(state, config.onboarding, passwords, knock)
      const isKnown = stationOf(state, knock.stationId) ?? stationEntry(state, knock.stationId)
      if (!admission.ok && isKnown) {
        const fact = refused.take(knock, admission, clock.mono())
        if (fact)
          state
            .commit({ ...NOTHING, facts: [fact] })
            .catch((error) => log.warn({ error }, 'a refused connection was not journalled'))
      }
      return admission
    },

    accept(socket, stationId, version, credential) {
      if (stopping) socket.close(1001, 'the controller stops')
      else linkOf(stationId).accept(socket, version, credential)
    },

    async execute(command, remainingMs, mayStillGo) {
      const { stationId } = command
      if (!links.has(stationId) && !stationOf(state, stationId) && !stationEntry(state, stationId))
        return failed('UnknownStation', `station ${stationId.slice(0, 64)} is not known at this site`)
      if (command.kind === MESSAGES_KIND) return tellMessages(messages, state, stationId, command.args)
      return linkOf(stationId).execute(command, remainingMs, mayStillGo)
    },

    correctTimes(before) {
      for (const { stationId } of state.list<Station>(STATION_KIND))
        void linkOf(stationId).correctTimes(before)
    },

    live: () =>
      liveStations(state, {
        isConnected: (stationId) => links.get(stationId)?.connected ?? false,
        limitMa: (session) => load.limitOf(session),
      }),

    load: () => load.picture(),

    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    start() {
      cancels.push(
        state.atFork(() => transactionIds.redrawn()),
        state.onCommitted((facts) => {
          for (const fact of facts) {
            costs.committed(fact)
            if (fact.kind === 'session.gap') gapAsks.told(fact.sessionId, fact.data.missing, clock.mono())
            if (fact.kind !== 'document.applied') continue
            if (fact.data.name === 'stations') applyStations()
            else if (OF_SETTINGS.includes(fact.data.name))
              for (const link of links.values()) link.reconcileSettings()
          }
          changed()
        }),
      )
      // The process may have ended between a document and what it changes.
      applyStations()
      every(SWEEP_INTERVAL_MS, sweepSessions)
      every(RUNNING_COST_INTERVAL_MS, () => costs.tick())
      load.tick()
      every(CONTROL_INTERVAL_MS, () => load.tick())
    },

    async stop(deadlineMs) {
      stopping = true
      for (const cancel of cancels) cancel()
      for (const link of links.values()) link.close(1001, 'the controller stops')
      let cancelDeadline = (): void => {}
      const deadline = new Promise<void>((resolve) => {
        cancelDeadline = clock.after(deadlineMs, resolve)
      })
      await Promise.race([Promise.all([...links.values()].map((link) => link.idle())), deadline])
      cancelDeadline()
    },
  }
}
