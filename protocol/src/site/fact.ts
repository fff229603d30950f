/**
 * Facts: what happened at a site, the closed union of events in a journal. A fact is written once, never changed, and
 * travels as the exact text it was journalled as. Fields are only ever added (section 6 of the design, evolution).
 *
 * Energy is in milli-Wh, current in mA, power in W, instants in RFC 3339 UTC, durations in ms.
 */
import { z } from 'zod'
import { isDeeperThan } from '../json.ts'
import { quickShape } from '../quick-shape.ts'
import { MAX_REGISTER_MILLI_WH } from '../units.ts'
import { monitorsFact } from './monitor.ts'
import { notificationFacts } from './notification.ts'
import { ATTRIBUTE_TYPES, SETTING_SOURCES } from './setting.ts'

export const STREAMS = ['ledger', 'telemetry'] as const
/** `ledger`: what money, safety or audit depends on, never dropped. `telemetry`: all other readings, may be thinned. */
export type Stream = (typeof STREAMS)[number]

/** How far the wall clock of a fact can be trusted. */
export const CLOCK_QUALITIES = ['unknown', 'holdover', 'synced'] as const
export type ClockQuality = (typeof CLOCK_QUALITIES)[number]

/** What a register may show; more is no meter's (and no column's): the cloud could not compute with it. */
const milliWh = z.int().min(-MAX_REGISTER_MILLI_WH).max(MAX_REGISTER_MILLI_WH)
/** Numbers, powers and currents of a connector: what a 32-bit column holds. */
const small = z.int32()
const at = z.string()

/** One reading, version-neutral: OCPP's own names, the value as the text that was sent. */
export const sampledValue = z.object({
  measurand: z.string(),
  value: z.string(),
  unit: z.string().optional(),
  multiplier: z.int().optional(),
  phase: z.string().optional(),
  location: z.string().optional(),
  context: z.string().optional(),
  /** Signed meter value, kept byte for byte. */
  signed: z.json().optional(),
})
export type SampledValue = z.infer<typeof sampledValue>

const idToken = z.object({ value: z.string(), type: z.string() })
export type IdToken = z.infer<typeof idToken>

/** Why a session is held for review instead of being billed. */
export const REVIEW_REASONS = [
  'register-falling',
  'register-implausible-power',
  'register-zero-start',
  'register-missing',
  'unknown-start',
  'unplaceable-time',
  'no-identity',
  'end-unknown',
] as const
export type ReviewReason = (typeof REVIEW_REASONS)[number]

/** Most running sessions that a start of the controller tells; where there are more, it tells none. */
export const MAX_RUNNING_TOLD = 2_000

/** A setting that was wanted, and what came of it. */
const settled = {
  name: z.string(),
  evseId: small.optional(),
  connectorId: small.optional(),
  attributeType: z.enum(ATTRIBUTE_TYPES).optional(),
  source: z.enum(SETTING_SOURCES).optional(),
  /** The station took it, and asks for a reboot before it holds. */
  rebootRequired: z.boolean().optional(),
}

const connectorRef = { evseId: small, connectorId: small }

/** kind -> shape of its data. The stream that a kind belongs to stands in STREAM_OF. */
export const factData = {
  // the controller itself
  'controller.started': z.object({
    version: z.string(),
    journalId: z.string(),
    node: z.string(),
    /** Sessions that it knows to run: one that this journal told of before, and that is not here, is forgotten. Absent: not told. */
    running: z.array(z.string()).max(MAX_RUNNING_TOLD).optional(),
  }),
  /**
   * This journal began as a fork of another one: what lies after `shared` in that one is here, what lies before stayed there.
   * `lost`: the cloud holds rows of it that this box has not (a backup was restored); `parted`: both went on, differently.
   */
  'journal.forked': z.object({
    fromJournalId: z.string(),
    shared: z.object({ ledger: z.int().min(0), telemetry: z.int().min(0) }),
    reason: z.enum(['lost', 'parted']),
  }),
  /** Another box said hello with this journal: this row tells the two apart from here on. */
  'journal.marked': z.object({ token: z.string() }),
  'clock.stepped': z.object({ byMs: z.int(), quality: z.enum(CLOCK_QUALITIES) }),
  /**
   * The time has become known in the middle of a boot. A fact of that boot whose clock is `unknown` happened at `bootedAt` plus
   * its `monoMs`; `offByMs` is how far the clock was behind until then.
   */
  'clock.placed': z.object({ bootId: z.string(), bootedAt: at, offByMs: z.int() }),
  /**
   * The disk of the journal fills or has room again. 0 nothing; 1 acknowledged rows go early; 2 telemetry is thinned; 3 no telemetry
   * is written; 4 new sessions are refused; 5 the reserve is in use. `unwritten`: readings not written since the last change.
   */
  'journal.pressure': z.object({
    level: z.int().min(0),
    before: z.int().min(0),
    roomBytes: z.int(),
    freeBytes: z.int(),
    journalBytes: z.int(),
    unwritten: z.int().min(0),
  }),
  /**
   * The file of the journal was damaged; what could be read went on in a new one. `lost`: rows that are told as `stream.loss` in their
   * place. `newestUnknown`: how many rows came after the last that was read is not known. `newJournal`: not even the journal's id was.
   */
  'journal.salvaged': z.object({
    reason: z.string(),
    rows: z.object({ ledger: z.int(), telemetry: z.int() }),
    lost: z.array(z.object({ stream: z.enum(STREAMS), from: z.int(), to: z.int() })),
    entities: z.int(),
    entitiesLost: z.boolean(),
    newestUnknown: z.boolean(),
    newJournal: z.boolean(),
  }),

  // stations
  'station.registered': z.object({
    onboarding: z.enum(['open', 'approve', 'closed']),
    approved: z.boolean(),
    /** Of the stations document: the removal that it comes after. */
    afterRemoval: z.string().optional(),
  }),
  /** By an operator's word; nothing of it is known here any more. */
  'station.removed': z.object({ removal: z.string() }),
  'station.connected': z.object({
    ocpp: z.string(),
    remote: z.string().optional(),
    /** OCPP security profile, 0 to 3. */
    securityProfile: small.optional(),
  }),
  /** A new password, by the id of its rotation, was used for the first time: the one before is not taken any more. */
  'station.password-proved': z.object({ rotation: z.string() }),
  /** A new password, by the id of its rotation, never came to the station: it is not taken any more, the one before is. */
  'station.password-given-up': z.object({ rotation: z.string(), reason: z.string() }),
  /**
   * A station asked to have a certificate signed (A02, A03). `refused`: its request was not fit; else what it said to the certificate
   * that it was sent.
   */
  'station.certificate': z.object({
    outcome: z.enum(['refused', 'accepted', 'rejected', 'unanswered']),
    /** Absent: the one that it has for its connection; else what it shows to cars, in OCPP's words. */
    certificateType: z.string().optional(),
    reason: z.string().optional(),
    commonName: z.string().optional(),
    /** Hex, upper case. */
    serialNumber: z.string().optional(),
    notAfter: at.optional(),
  }),
  /** A connection came with the newest certificate that the site signed for the station: `superseded`, the one before, is not taken any more. */
  'station.certificate-proved': z.object({
    serialNumber: z.string(),
    superseded: z.string().optional(),
  }),
  /** The site had the station renew a certificate that ends soon, and it did not come to that; tried again once a day. */
  'station.certificate-not-renewed': z.object({
    serialNumber: z.string(),
    notAfter: at,
    reason: z.string(),
  }),
  /** A station of this site was refused in the handshake; told once in a while for each, `times` since the last. */
  'station.connection-refused': z.object({
    reason: z.string(),
    status: small,
    remote: z.string(),
    times: small,
  }),
  'station.disconnected': z.object({ reason: z.string(), code: z.int().optional() }),
  'station.booted': z.object({
    ocpp: z.string(),
    vendor: z.string(),
    model: z.string(),
    serial: z.string().optional(),
    firmware: z.string().optional(),
    reason: z.string().optional(),
    status: z.enum(['Accepted', 'Pending', 'Rejected']),
  }),
  /** One connector's status in OCPP 2.x words, with the 1.6 word beside it where it says more. evseId 0: the station as a whole. */
  'connector.status': z.object({
    ...connectorRef,
    status: z.enum(['Available', 'Occupied', 'Reserved', 'Unavailable', 'Faulted']),
    detail: z.string().optional(),
    errorCode: z.string().optional(),
    info: z.string().optional(),
    vendorErrorCode: z.string().optional(),
    at,
  }),
  /** A station has said yes to a reservation; evseId 0: for any EVSE. One of the same id before it is replaced. */
  'reservation.made': z.object({
    reservationId: small,
    evseId: small,
    connectorType: z.string().optional(),
    idToken,
    groupId: z.string().optional(),
    expiresAt: at,
  }),
  /** It is over: used by the session in the head, cancelled, expired, or given up by its station (`removed`). */
  'reservation.ended': z.object({
    reservationId: small,
    reason: z.enum(['used', 'cancelled', 'expired', 'removed']),
  }),
  /** What became of the local list that the site keeps in step with the tokens; `omitted`: tokens that it has no room or no word for. */
  'station.local-list': z.object({
    outcome: z.enum(['kept', 'failed']),
    reason: z.string().optional(),
    version: small.optional(),
    entries: small.optional(),
    omitted: small.optional(),
    /** How it went: whole, or what differed from the list before (`sent` entries). */
    updateType: z.enum(['Full', 'Differential']).optional(),
    sent: small.optional(),
    /** Tokens that the station can hold, where it has told so. */
    most: small.optional(),
  }),
  /** The authorization cache of a station was to be emptied, as a token was withdrawn that it may hold. */
  'station.cache-cleared': z.object({
    outcome: z.enum(['cleared', 'failed']),
    reason: z.string().optional(),
  }),
  'station.event': z.object({ events: z.array(z.json()) }),
  /**
   * Values of a periodic event stream (OCPP 2.1): `t` seconds after `from`, `v` as sent. `pending`: how many more wait in the station.
   */
  'station.stream': z.object({
    streamId: z.int(),
    pending: z.int(),
    from: at,
    values: z.array(z.object({ t: z.number(), v: z.string() })),
  }),
  'station.security-event': z.object({ type: z.string(), techInfo: z.string().optional(), at }),
  /** One part of a NotifyReport, as sent. */
  'station.report': z.object({
    requestId: z.int(),
    seqNo: z.int(),
    more: z.boolean(),
    entries: z.array(z.json()),
  }),
  'station.data-transfer': z.object({
    vendorId: z.string(),
    messageId: z.string().optional(),
    data: z.json().optional(),
    status: z.string(),
  }),
  /**
   * What is wanted of its settings was compared with what it has, and set where that differed; `deviations` is what the station
   * would not take. A setting without `source` is of the baseline.
   */
  'station.settings': z.object({
    applied: z.array(z.object({ ...settled, value: z.string() })),
    deviations: z.array(
      z.object({ ...settled, wanted: z.string(), found: z.string().optional(), reason: z.string() }),
    ),
  }),
  'station.monitors': monitorsFact,
  /** Keys that a 1.6 station told when all were asked for (section 5.8), in parts that fit a fact; values of secrets are left out. */
  'station.settings-read': z.object({
    settings: z.array(
      z.object({ name: z.string(), value: z.string().optional(), readonly: z.boolean().optional() }),
    ),
  }),

  // authorization
  'token.decided': z.object({
    idToken,
    status: z.string(),
    source: z.enum(['document', 'cloud', 'offline-policy', 'none']),
    offline: z.boolean(),
    /** Where a contract certificate was shown (C07), OCPP's word on it. */
    certificateStatus: z.string().optional(),
  }),

  // sessions: sessionId stands in the head
  'session.started': z.object({
    ...connectorRef,
    startedAt: at,
    idToken: idToken.optional(),
    /** Whether the identity was accepted, and by what. */
    authorization: z.string(),
    startRegisterMilliWh: milliWh.optional(),
    /** OCPP's own id of it, as text: 1.6 an integer minted here, 2.x the station's. */
    transactionId: z.string(),
    remoteStartId: z.int().optional(),
    /** The command that it was started by. */
    commandId: z.string().optional(),
    offline: z.boolean().optional(),
  }),
  /** Something that was not known at the start, or a change of charging state (2.x). */
  'session.updated': z.object({
    /** Where it is, when the start did not tell (2.x: the card before the cable). */
    evseId: small.optional(),
    connectorId: small.optional(),
    idToken: idToken.optional(),
    authorization: z.string().optional(),
    startRegisterMilliWh: milliWh.optional(),
    chargingState: z.string().optional(),
    /** The remote start that it turns out to answer (2.x: the cable before it), and its command. */
    remoteStartId: z.int().optional(),
    commandId: z.string().optional(),
    /** The clock of the site was wrong at the start, and it is known now by how much. */
    startedAt: at.optional(),
  }),
  /**
   * Events of a transaction that have not come, by their numbers (2.x `seqNo`); none: all have come by now. `lost`: the station says that
   * no message of it waits (E14).
   */
  'session.gap': z.object({
    missing: z.array(z.object({ from: z.int(), to: z.int() })),
    lost: z.boolean().optional(),
  }),
  /** A register that money may depend on: quarter hours and price changes. */
  'session.register': z.object({ at, registerMilliWh: milliWh }),
  'session.meter': z.object({
    at,
    ...connectorRef,
    registerMilliWh: milliWh.optional(),
    powerW: small.optional(),
    currentMa: z.array(small).optional(),
    socPercent: small.optional(),
    values: z.array(sampledValue),
  }),
  /**
   * Signed meter values of a session, byte for byte (`signed` of each), at most SIGNED_OF_ENDS_MAX_BYTES of a session; `omitted`: how
   * many had no room here so far, and stand with the readings.
   */
  'session.signed': z.object({ at, values: z.array(sampledValue), omitted: small.optional() }),
  /** Readings outside a session. */
  'station.meter': z.object({ at, ...connectorRef, values: z.array(sampledValue) }),
  /**
   * The end of a session. `revision` counts from 1; a late stop after a presumed end is revision 2 with the same
   * sessionId, and replaces the one before (credit and a new CDR). Energy is absent only if no register is known.
   */
  'session.ended': z.object({
    ...connectorRef,
    revision: z.int32().min(1),
    startedAt: at,
    endedAt: at,
    durationMs: z.int().min(0),
    startRegisterMilliWh: milliWh.optional(),
    endRegisterMilliWh: milliWh.optional(),
    energyMilliWh: milliWh.optional(),
    idToken: idToken.optional(),
    authorization: z.string(),
    reason: z.string(),
    /** The station never said so: it ended at its last register. */
    presumed: z.boolean(),
    /** Not empty: held for review, not billed. */
    review: z.array(z.enum(REVIEW_REASONS)),
    /** Registers within the session that a tariff may need, oldest first (quarter hours), at most MAX_PROFILE_POINTS. */
    profile: z.array(z.object({ at, registerMilliWh: milliWh })),
    transactionId: z.string(),
  }),
  /** A stop for a transaction nobody knows: kept, never dropped. */
  'session.stop-unmatched': z.object({
    transactionId: z.string(),
    at,
    registerMilliWh: milliWh.optional(),
    idToken: idToken.optional(),
    reason: z.string().optional(),
  }),

  ...notificationFacts,
  // intentions and their results
  'command.outcome': z.object({
    commandId: z.string(),
    status: z.enum(['accepted', 'rejected', 'failed', 'expired', 'unknown']),
    /** The station's own reply, where there is one. */
    reply: z.json().optional(),
    error: z.object({ code: z.string(), description: z.string() }).optional(),
  }),
  'document.applied': z.object({ name: z.string(), generation: z.string(), n: small }),
  'document.rejected': z.object({ name: z.string(), generation: z.string(), n: small, reason: z.string() }),

  // load management
  'load.limit-refused': z.object({ ...connectorRef, wantedMa: z.int(), reason: z.string() }),

  // holes that are told
  'stream.gap': z.object({ from: z.int(), to: z.int(), reason: z.string() }),
  /** A row that the cloud refused again and again when it was sent alone: the same row, its text gzipped and in base64. */
  'stream.row-packed': z.object({ reason: z.string(), packed: z.string() }),
  'stream.loss': z.object({ from: z.int(), to: z.int(), reason: z.string() }),
  /** Said by the cloud: rows `from`..`to` of this journal stand under another one of its family, the last as its row `theirs`. */
  'stream.shared': z.object({ from: z.int(), to: z.int(), journalId: z.string(), theirs: z.int() }),
} as const

export type FactKind = keyof typeof factData
export const FACT_KINDS = Object.keys(factData) as FactKind[]
export type FactData<K extends FactKind> = z.infer<(typeof factData)[K]>

/** Most register points that a session.ended carries: seven days of quarter hours. */
export const MAX_PROFILE_POINTS = 672

/** Kinds that travel in the telemetry stream; everything else is ledger. */
export const TELEMETRY_KINDS: ReadonlySet<string> = new Set([
  'session.meter',
  'station.meter',
  'station.stream',
])
export function streamOf(kind: FactKind): Stream {
  return TELEMETRY_KINDS.has(kind) ? 'telemetry' : 'ledger'
}

/** A fact before it has its place in a journal: what a handler says. */
export type FactDraft = {
  [K in FactKind]: { kind: K; stationId?: string; sessionId?: string; data: FactData<K> }
}[FactKind]

/** What the journal adds to a draft when it is written. */
export interface FactStamp {
  /** Wall clock when it was written. */
  at: string
  /** Monotonic milliseconds within the boot. */
  monoMs: number
  bootId: string
  clock: ClockQuality
  /** W3C traceparent, when the fact belongs to a trace. */
  trace?: string
}
export type Fact = FactDraft & FactStamp

const head = z.object({
  kind: z.string(),
  stationId: z.string().optional(),
  sessionId: z.string().optional(),
  at,
  monoMs: z.number(),
  bootId: z.string(),
  clock: z.enum(CLOCK_QUALITIES),
  trace: z.string().optional(),
})

/** A fact whose kind this version does not know: stored raw, acknowledged, projected after an upgrade. */
export interface UnknownFact extends FactStamp {
  kind: string
  stationId?: string
  sessionId?: string
  data: unknown
}

export function isFactKind(kind: string): kind is FactKind {
  return Object.hasOwn(factData, kind)
}

export type ReadFact =
  | { ok: true; known: true; fact: Fact }
  | { ok: true; known: false; fact: UnknownFact }
  | { ok: false; reason: string }

const fitsHead = quickShape(head.extend({ data: z.unknown() }))
const fitsData = new Map<string, (data: unknown) => boolean>()

/** A fact of a known kind with all that it needs and nothing else, which most are. */
function isQuicklyRead(value: unknown): value is Fact {
  if (!fitsHead(value)) return false
  const { kind, data } = value as UnknownFact
  if (!isFactKind(kind)) return false
  let fits = fitsData.get(kind)
  if (fits === undefined) {
    fits = quickShape(factData[kind])
    fitsData.set(kind, fits)
  }
  return fits(data)
}

/** Deepest nesting of a fact: more than a station's frame may have, and what shapes and tables can walk without running out of stack. */
export const MAX_FACT_DEPTH = 600

/** Reads the text of a fact. Never throws: what cannot be read comes back with the reason (it goes to poison, and stops nothing). */
export function readFact(text: string): ReadFact {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, reason: `not JSON: ${(error as Error).message}` }
  }
  // Each level takes two characters at least.
  if (text.length > 2 * MAX_FACT_DEPTH && isDeeperThan(value, MAX_FACT_DEPTH))
    return { ok: false, reason: `nested deeper than ${MAX_FACT_DEPTH} levels` }
  if (isQuicklyRead(value)) return { ok: true, known: true, fact: value }
  const parsedHead = head.safeParse(value)
  if (!parsedHead.success) return { ok: false, reason: `head: ${z.prettifyError(parsedHead.error)}` }
  const fact = parsedHead.data as UnknownFact
  fact.data = (value as { data?: unknown }).data
  if (!isFactKind(fact.kind)) return { ok: true, known: false, fact }
  const parsed = factData[fact.kind].safeParse(fact.data)
  if (!parsed.success) return { ok: false, reason: `${fact.kind}: ${z.prettifyError(parsed.error)}` }
  fact.data = parsed.data
  return { ok: true, known: true, fact: fact as Fact }
}
