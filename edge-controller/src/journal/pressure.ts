/**
 * What a site gives up as the disk of its journal fills, step by step, so that the sessions that run can be finished and told.
 * Pure: a level and a reading of the disk in, the next level out.
 */

/**
 * 0 nothing; 1 acknowledged rows go before their time; 2 telemetry that is not acknowledged is thinned; 3 no telemetry is
 * written; 4 new sessions are refused; 5 the reserve is spent: only what running sessions need to end is written.
 */
export const PRESSURE = {
  none: 0,
  prune: 1,
  thin: 2,
  noTelemetry: 3,
  noSessions: 4,
  reserve: 5,
} as const
export type PressureLevel = (typeof PRESSURE)[keyof typeof PRESSURE]

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** A level holds while there is less room than this: a share of the capacity within two bounds. */
interface Threshold {
  level: PressureLevel
  perMille: number
  leastBytes: number
  mostBytes: number
}
/** From the worst on; the reserve comes on top of all of them, and is not room. */
export const THRESHOLDS: readonly Threshold[] = [
  { level: PRESSURE.noSessions, perMille: 15, leastBytes: 4 * MIB, mostBytes: 128 * MIB },
  { level: PRESSURE.noTelemetry, perMille: 30, leastBytes: 8 * MIB, mostBytes: 256 * MIB },
  { level: PRESSURE.thin, perMille: 50, leastBytes: 12 * MIB, mostBytes: 512 * MIB },
  { level: PRESSURE.prune, perMille: 100, leastBytes: 16 * MIB, mostBytes: GIB },
]
/** A level is left only when there is so much more room than where it began, in per cent: it does not flutter. */
export const LEAVING_PERCENT = 125

/** The reserve that is really allocated beside the journal. */
export const RESERVE: Omit<Threshold, 'level'> = {
  perMille: 10,
  leastBytes: 2 * MIB,
  mostBytes: 16 * MIB,
}

export interface DiskReading {
  /** Free on the file system, for the user that the controller runs as. */
  freeBytes: number
  /** Of the whole file system. */
  capacityBytes: number
  /** What the journal's file holds, without its free pages. */
  usedBytes: number
  /** Free pages within the journal's file: they are written to before the file grows. */
  reusableBytes: number
  /** Bound of the file's size by configuration. */
  maxBytes?: number | undefined
  /** Whether the reserve is whole. */
  reserveHeld: boolean
}

/** How much can still be written before the reserve is needed. */
export function roomOf(reading: DiskReading): number {
  const { freeBytes, reusableBytes, usedBytes, maxBytes } = reading
  const onDisk = freeBytes + reusableBytes
  const inBound = maxBytes === undefined ? onDisk : maxBytes - reserveBytes(reading) - usedBytes
  return Math.max(0, Math.min(onDisk, inBound))
}

export function reserveBytes({ capacityBytes, maxBytes }: DiskReading): number {
  return clamped(RESERVE, capacityOf(capacityBytes, maxBytes))
}

/** Level from a reading; `spent`: the disk was full since the last one, and the reserve was given up for it. */
export function nextLevel(level: PressureLevel, reading: DiskReading, spent: boolean): PressureLevel {
  const room = roomOf(reading)
  const capacity = capacityOf(reading.capacityBytes, reading.maxBytes)
  if (spent || (level === PRESSURE.reserve && !reading.reserveHeld)) return PRESSURE.reserve
  for (const threshold of THRESHOLDS) {
    const begins = clamped(threshold, capacity)
    const holds = level >= threshold.level ? (begins * LEAVING_PERCENT) / 100 : begins
    if (room < holds) return threshold.level
  }
  return PRESSURE.none
}

/** There is room to make the reserve anew, and for sessions after it. */
export function mayHoldReserve(reading: DiskReading): boolean {
  if (reading.reserveHeld) return false
  const noSessions = clamped(THRESHOLDS[0]!, capacityOf(reading.capacityBytes, reading.maxBytes))
  return reading.freeBytes > reserveBytes(reading) + noSessions && roomOf(reading) > noSessions
}

/** Acknowledged rows go, the oldest first: under pressure, or when the journal is longer than it shall be kept. */
export function mustPrune(level: PressureLevel, reading: DiskReading, retainedMaxBytes: number): boolean {
  return level >= PRESSURE.prune || reading.usedBytes > retainedMaxBytes
}

function capacityOf(capacityBytes: number, maxBytes: number | undefined): number {
  return Math.min(capacityBytes, maxBytes ?? capacityBytes)
}

function clamped({ perMille, leastBytes, mostBytes }: Omit<Threshold, 'level'>, capacity: number): number {
  return Math.min(mostBytes, Math.max(leastBytes, Math.floor((capacity * perMille) / 1_000)))
}
