/** Facts of a yard of busy stations, minute by minute, in the proportions of a real one: sessions of three hours, readings every minute. */
import { randomBytes } from 'node:crypto'
import { type Fact, type FactDraft, type Stream, streamOf } from '@switchyard/protocol/site/fact.ts'

export interface YardRow {
  id: string
  fact: string
}

const SESSION_MINUTES = 180
/** A station stands empty this long between two cars. */
const EMPTY_MINUTES = 20
const REGISTER_EVERY_MINUTES = 15
const POWER_W = 11_040

/** Endless. Stations are told apart by where in their cycle they begin. */
export function* yard(
  siteId: string,
  stations: number,
  startsAtMs = Date.UTC(2026, 10, 1),
): Generator<Record<Stream, YardRow[]>> {
  const cycle = SESSION_MINUTES + EMPTY_MINUTES
  const registers = Array.from({ length: stations }, () => 1_000_000_000)
  for (let minute = 0; ; minute++) {
    const rows: Record<Stream, YardRow[]> = { ledger: [], telemetry: [] }
    for (let s = 0; s < stations; s++) {
      const phase = minute + Math.floor((s * cycle) / stations)
      const at = new Date(startsAtMs + minute * 60_000).toISOString()
      const sessionId = `${siteId}-${s}-${Math.floor(phase / cycle)}`
      registers[s]! += phase % cycle < SESSION_MINUTES ? Math.round((POWER_W * 1_000) / 60) : 0
      for (const draft of station(`${siteId}-S${s}`, sessionId, at, phase % cycle, minute, registers[s]!)) {
        const fact = { ...draft, at, monoMs: minute * 60_000, bootId: 'bench', clock: 'synced' } as Fact
        const row = { id: randomBytes(12).toString('base64url'), fact: JSON.stringify(fact) }
        rows[streamOf(draft.kind)].push(row)
      }
    }
    yield rows
  }
}

/** What a station says in one minute. */
function station(
  stationId: string,
  sessionId: string,
  at: string,
  phase: number,
  minute: number,
  registerMilliWh: number,
): FactDraft[] {
  const where = { evseId: 1, connectorId: 1 }
  const idToken = { value: `TAG-${stationId}`, type: 'Central' }
  const told: FactDraft[] = []
  const begins = phase === 0 || (minute === 0 && phase < SESSION_MINUTES)
  if (begins) {
    const ends = new Date(Date.parse(at) - phase * 60_000).toISOString()
    told.push(
      {
        kind: 'token.decided',
        stationId,
        data: { idToken, status: 'Accepted', source: 'document', offline: false },
      },
      {
        kind: 'connector.status',
        stationId,
        data: { ...where, status: 'Occupied', errorCode: 'NoError', at },
      },
      {
        kind: 'session.started',
        stationId,
        sessionId,
        data: {
          ...where,
          startedAt: ends,
          idToken,
          authorization: 'Accepted',
          startRegisterMilliWh: startOf(registerMilliWh, phase),
          transactionId: sessionId,
        },
      },
    )
  }
  if (phase < SESSION_MINUTES)
    told.push({
      kind: 'session.meter',
      stationId,
      sessionId,
      data: {
        ...where,
        at,
        registerMilliWh,
        powerW: POWER_W,
        currentMa: [16_000, 16_000, 16_000],
        values: [
          { measurand: 'Energy.Active.Import.Register', value: String(registerMilliWh / 1_000), unit: 'Wh' },
          { measurand: 'Power.Active.Import', value: String(POWER_W), unit: 'W' },
        ],
      },
    })
  if (phase < SESSION_MINUTES && phase % REGISTER_EVERY_MINUTES === 0)
    told.push({ kind: 'session.register', stationId, sessionId, data: { at, registerMilliWh } })
  if (phase === SESSION_MINUTES)
    told.push(
      {
        kind: 'session.ended',
        stationId,
        sessionId,
        data: {
          ...where,
          revision: 1,
          startedAt: new Date(Date.parse(at) - phase * 60_000).toISOString(),
          endedAt: at,
          durationMs: phase * 60_000,
          startRegisterMilliWh: startOf(registerMilliWh, phase),
          endRegisterMilliWh: registerMilliWh,
          energyMilliWh: registerMilliWh - startOf(registerMilliWh, phase),
          idToken,
          authorization: 'Accepted',
          reason: 'EVDisconnected',
          presumed: false,
          review: [],
          profile: [],
          transactionId: sessionId,
        },
      },
      {
        kind: 'connector.status',
        stationId,
        data: { ...where, status: 'Available', errorCode: 'NoError', at },
      },
    )
  return told
}

function startOf(registerMilliWh: number, phase: number): number {
  return registerMilliWh - Math.min(phase, SESSION_MINUTES) * Math.round((POWER_W * 1_000) / 60)
}
