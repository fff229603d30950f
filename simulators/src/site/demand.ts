/** Who comes when, and asks for how much: the distribution that simulators/README.md documents, with the source of its figures. */
import type { Random } from '../random.ts'
import { SIMULATED_TOKENS } from '../tokens.ts'
import { drawCar } from './cars.ts'
import { ENERGY_MIN_MILLI_WH, STAY_MIN_MS, type Visit } from './visit.ts'

const HOUR_MS = 3_600_000

/** Share of a weekday's arrivals in each hour, percent, local time. */
const ARRIVALS_BY_HOUR = [
  0.2, 0.1, 0, 0, 0.1, 0.3, 2.1, 3.6, 18.1, 20.9, 12.9, 6.2, 6.3, 6.7, 4.3, 2.6, 3.2, 3.0, 3.7, 2.2, 1.8, 1.2,
  0.4, 0.3,
] as const
/** Arrivals a day at a bay that is always free. */
const ARRIVALS_PER_DAY = 6
/** Arrivals an hour at a free bay, at any hour, on top: ours, so that a night is not empty. */
const ARRIVALS_FLOOR_PER_HOUR = 0.15
/** Mean wait for a bay's first car after the site has opened: ours, so that there is something to see. */
const OPENING_MEAN_MS = 60_000

/** Logarithm of the energy asked for, in kWh, and its bounds. */
const ENERGY = { mu: 2.35, sigma: 1.23, minKwh: 1, maxKwh: 60 }
/** Logarithm of the stay, in hours, and its bounds. */
const STAY = { mu: 1.3, sigma: 0.98, minHours: 0.25, maxHours: 14 }
/** Drivers who present their token again; the others only take the cable out. */
const SWIPES_TO_LEAVE = 0.7

/** Mean rate of arrivals at a free bay, per hour, at a local hour of the day. */
export function arrivalsPerHour(hour: number): number {
  return ARRIVALS_FLOOR_PER_HOUR + ((ARRIVALS_BY_HOUR[hour] ?? 0) * ARRIVALS_PER_DAY) / 100
}

/**
 * Ms until the next car comes to a bay that is free at `nowMs`: exponential with the rate of the hour, which changes as
 * the hours go by. All waits are `speed` times shorter.
 */
export function drawWaitMs(random: Random, nowMs: number, speed: number): number {
  // One unit of "expected arrivals" is used up hour by hour, at each hour's rate.
  let left = random.exponential(1)
  let waitMs = 0
  for (;;) {
    const atMs = nowMs + waitMs
    const rate = arrivalsPerHour(new Date(atMs).getHours()) / HOUR_MS
    const restOfHourMs = HOUR_MS - (atMs % HOUR_MS)
    if (left <= rate * restOfHourMs) return Math.round((waitMs + left / rate) / speed)
    left -= rate * restOfHourMs
    waitMs += restOfHourMs
  }
}

/** Ms until a bay's first car comes when a site opens. */
export function drawOpeningWaitMs(random: Random, speed: number): number {
  return Math.round(random.exponential(OPENING_MEAN_MS) / speed)
}

/** A visit; its stay and the energy asked for are `speed` times shorter and smaller. `away` says who is not on the site yet. */
export function drawVisit(random: Random, speed: number, away: (idToken: string) => boolean): Visit {
  const kwh = within(random.logNormal(ENERGY.mu, ENERGY.sigma), ENERGY.minKwh, ENERGY.maxKwh)
  const hours = within(random.logNormal(STAY.mu, STAY.sigma), STAY.minHours, STAY.maxHours)
  return makeVisit(random, Math.round(kwh * 1_000_000), Math.round(hours * HOUR_MS), speed, away)
}

/** A visit with a given wish and stay, before they are shortened; the rest is drawn. */
export function makeVisit(
  random: Random,
  neededMilliWh: number,
  stayMs: number,
  speed: number,
  away: (idToken: string) => boolean,
): Visit {
  const asked = Math.max(ENERGY_MIN_MILLI_WH, Math.round(neededMilliWh / speed))
  // A driver is in one place; only where all are on the site already does one charge two cars.
  const drivers = SIMULATED_TOKENS.filter(({ idToken }) => away(idToken))
  const candidates = drivers.length > 0 ? drivers : SIMULATED_TOKENS
  return {
    car: drawCar(random, neededMilliWh, asked),
    idToken: candidates[random.int(0, candidates.length - 1)]!.idToken,
    stayMs: Math.max(STAY_MIN_MS, Math.round(stayMs / speed)),
    swipesToLeave: random.fraction() < SWIPES_TO_LEAVE,
  }
}

function within(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}
