/** The current picture of a site: QoS 0, outside the journal, on connect, on change and at least every LIVE_INTERVAL_MS. The ledger is the truth. */
import { z } from 'zod'

/** Longest silence between two pictures. */
export const LIVE_INTERVAL_MS = 8_000
/** Soonest that a change is sent after the one before, so that a busy site cannot flood. */
export const LIVE_MIN_GAP_MS = 500

export const liveSession = z.object({
  sessionId: z.string(),
  startedAt: z.string(),
  /** Energy so far, milli-Wh. */
  energyMilliWh: z.int().optional(),
  powerW: z.int().optional(),
  /** Per phase L1, L2, L3. */
  currentMa: z.array(z.int()).optional(),
  /** What load control allows it now, mA per phase; absent: no limit set. */
  limitMa: z.int().optional(),
  socPercent: z.int().optional(),
  chargingState: z.string().optional(),
  idToken: z.string().optional(),
  /** Time of the newest reading. */
  readAt: z.string().optional(),
})

export const liveConnector = z.object({
  evseId: z.int(),
  connectorId: z.int(),
  status: z.string(),
  detail: z.string().optional(),
  session: liveSession.optional(),
})

export const liveStation = z.object({
  stationId: z.string(),
  connected: z.boolean(),
  connectors: z.array(liveConnector),
})

export const live = z.object({
  v: z.int().min(1),
  journalId: z.string(),
  epoch: z.int(),
  bootId: z.string(),
  /** Counts pictures within a boot; an older one is dropped. */
  n: z.int(),
  at: z.string(),
  /** Newest ledger row that this picture knows of: a fact with a higher seq is newer than the picture. */
  ledgerSeq: z.int(),
  /** Rows not yet acknowledged by the cloud. */
  backlog: z.object({ ledger: z.int(), telemetry: z.int() }),
  stations: z.array(liveStation),
  /** Load at the grid connection as the controller knows it, per phase, mA. */
  load: z.object({ limitMa: z.int().optional(), usedMa: z.array(z.int()) }).optional(),
  /** Outcomes of commands, early; the fact follows. */
  outcomes: z.array(
    z.object({
      commandId: z.string(),
      status: z.enum(['accepted', 'rejected', 'failed', 'expired', 'unknown']),
      reply: z.json().optional(),
      error: z.object({ code: z.string(), description: z.string() }).optional(),
    }),
  ),
})
export type Live = z.infer<typeof live>
export type LiveStation = z.infer<typeof liveStation>
export type LiveSession = z.infer<typeof liveSession>
