/** Where a site's cars come from: drawn for each bay, or replayed from a file. */
import type { Clock } from '../clock.ts'
import type { Random } from '../random.ts'
import type { Bay } from './bay.ts'
import { drawOpeningWaitMs, drawVisit, drawWaitMs, makeVisit } from './demand.ts'
import type { Recorded } from './recorded.ts'
import { STAY_MIN_MS } from './visit.ts'

export interface Arrivals {
  start(): void
  stop(): void
  /** A bay has become free. */
  freed(bay: Bay): void
  /** No more cars will come. */
  readonly over: boolean
  /** What to keep for the next start. */
  state(): ReplayState | undefined
}

export interface ArrivalsOptions {
  bays: readonly Bay[]
  clock: Clock
  random: Random
  speed: number
  /** Whether one more car may come. */
  mayCome: () => boolean
  onChange: () => void
}

/** Whether a driver stands at none of the bays. */
function isAway(bays: readonly Bay[]): (idToken: string) => boolean {
  return (idToken) => bays.every((bay) => bay.stay?.idToken !== idToken)
}

/** Each bay has cars of its own, by the distribution. */
export function drawnArrivals(options: ArrivalsOptions, opening: boolean): Arrivals {
  const { bays, clock, random, speed, mayCome } = options
  const cancels = new Map<Bay, () => void>()
  const next = (bay: Bay, waitMs: number) => {
    cancels.set(
      bay,
      clock.after(waitMs, () => {
        if (mayCome()) bay.arrive(drawVisit(random, speed, isAway(bays)))
      }),
    )
  }
  return {
    start() {
      for (const bay of bays) {
        if (!bay.free) continue
        next(bay, opening ? drawOpeningWaitMs(random, speed) : drawWaitMs(random, clock.now(), speed))
      }
    },
    stop() {
      for (const cancel of cancels.values()) cancel()
    },
    freed: (bay) => next(bay, drawWaitMs(random, clock.now(), speed)),
    over: false,
    state: () => undefined,
  }
}

/** How far a replay has come. */
export interface ReplayState {
  file: string
  /** Sessions of the file that have arrived. */
  next: number
  /** Arrived, and waiting for a bay. */
  waiting: number[]
  /** Time since its first arrival, already shortened. */
  elapsedMs: number
}

/**
 * The file's cars, each to the bay that its station is mapped to, else to any that is free, else into a waiting line: it
 * leaves that when its own departure has come. Waits between arrivals, stays and wishes are `speed` times shorter.
 */
export function replayedArrivals(
  options: ArrivalsOptions,
  file: string,
  recorded: readonly Recorded[],
  kept: ReplayState | undefined,
): Arrivals {
  const { bays, clock, random, speed, mayCome, onChange } = options
  const resumed = kept?.file === file ? kept : undefined
  const bayOf = new Map<string, Bay>()
  for (const { station } of recorded) {
    if (!bayOf.has(station)) bayOf.set(station, bays[bayOf.size % bays.length]!)
  }
  const firstMs = recorded[0]!.arrivalMs
  const originMs = clock.mono() - (resumed?.elapsedMs ?? 0)
  let next = resumed?.next ?? 0
  let waiting = [...(resumed?.waiting ?? [])]
  let cancel: (() => void) | undefined

  const dueMs = (fileMs: number) => originMs + (fileMs - firstMs) / speed
  const seat = () => {
    waiting = waiting.filter((index) => {
      const { station, departureMs, arrivalMs, energyMilliWh } = recorded[index]!
      const leftMs = (dueMs(departureMs) - clock.mono()) * speed
      // Too late for it to be worth while: it drives on.
      if (leftMs < STAY_MIN_MS && departureMs - arrivalMs >= STAY_MIN_MS) return false
      const mapped = bayOf.get(station)!
      const bay = mapped.free ? mapped : bays.find((it) => it.free)
      if (!bay || !mayCome()) return true
      bay.arrive(makeVisit(random, energyMilliWh, leftMs, speed, isAway(bays)))
      return false
    })
  }
  const arrive = () => {
    while (next < recorded.length && dueMs(recorded[next]!.arrivalMs) <= clock.mono()) waiting.push(next++)
    seat()
    onChange()
    const upcoming = recorded[next]
    if (upcoming) cancel = clock.after(Math.max(0, dueMs(upcoming.arrivalMs) - clock.mono()), arrive)
  }
  return {
    start: arrive,
    stop: () => cancel?.(),
    freed: () => seat(),
    get over() {
      return next >= recorded.length && waiting.length === 0
    },
    state: () => ({ file, next, waiting, elapsedMs: clock.mono() - originMs }),
  }
}
