/**
 * Resources of the public API, `/api/v1`. The services validate with these, `/openapi.json` is made from them, the dashboard
 * takes its types from them. Instants are RFC 3339 UTC; energy is `energyWh`, exact, at most three decimals.
 * What a client sends is read strictly: a field that is not known is refused, since a misspelt one would be a wish unheard.
 */
import { z } from 'zod'
import { isKeepable, parseInstant } from '../instant.ts'
import { tariff } from '../pricing/tariff.ts'
import { authorizationPolicy } from '../site/document.ts'
import { live } from '../site/live.ts'

const instant = z.iso.datetime()
/** An instant as a client may send it: RFC 3339 with any offset. */
export const instantInput = z.iso
  .datetime({ offset: true })
  .refine((text) => isKeepable(parseInstant(text) ?? Number.NaN), 'a date from the year 1 on')
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    /** Machine-readable reason, e.g. the error code with which a station answered a call. */
    code: z.string().optional(),
    /** Where the input is wrong. */
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    /** Of the request that went wrong; the lines that the services logged for it have it too. */
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem' })
export type Problem = z.infer<typeof problem>

/** Longest cursor: it holds ids as stations sent them, which may be long and in any script. */
const MAX_CURSOR_CHARS = 8_192

/** Every list: `next` is an opaque cursor, or null at the end. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() })
}
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(MAX_CURSOR_CHARS).optional(),
})

/** How a site's stations reach the cloud. */
export const SITE_CONNECTIONS = ['controller', 'direct'] as const

export const site = z
  .object({
    siteId: z.string(),
    name: z.string(),
    timeZone: z.string(),
    createdAt: instant,
    /** Whether the site controller is heard from now. */
    online: z.boolean(),
    lastHeardAt: instant.nullable(),
    /** Journal the site is in authority with, and what of it is here. */
    journal: z.object({ journalId: z.string(), ledgerSeq: z.int(), telemetrySeq: z.int() }).nullable(),
    /** Rows at the site that are not here yet; null when it has not told. */
    backlog: z.object({ ledger: z.int(), telemetry: z.int() }).nullable(),
    /** Energy that nobody identified for: put before a person, or billed to nobody in particular (a free site). */
    unidentifiedEnergy: z.enum(['review', 'bill']).default('review'),
    /** direct: its one station connects to the cloud itself; no controller stands at the site. */
    connection: z.enum(SITE_CONNECTIONS).default('controller'),
    /** Whether the metering baseline is set on its stations; null: as its controller is configured. */
    baseline: z.boolean().nullable().default(null),
    /** Whether the failsafe limit is installed on its stations; null: it is. */
    failsafe: z.boolean().nullable().default(null),
    /** Whether its stations are told what sessions cost, for the driver, beyond what 2.x stations are answered. */
    runningCost: z.boolean().default(false),
    /** How it decides who may charge beyond its tokens; null: as its controller is configured. */
    authorization: authorizationPolicy.nullable().default(null),
    stations: z.int(),
  })
  .meta({ id: 'Site' })
export type Site = z.infer<typeof site>

export const siteInput = z.strictObject({
  siteId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'letters, digits, - and _, at most 63'),
  name: z.string().min(1).max(200).optional(),
  timeZone: z.string().max(64).default('UTC'),
  /** direct: for one station, which connects to the cloud itself. Cannot be changed afterwards. */
  connection: z.enum(SITE_CONNECTIONS).default('controller'),
})
export const sitePatch = z.strictObject({
  unidentifiedEnergy: z.enum(['review', 'bill']).optional(),
  /** Whether the metering baseline is set on its stations, where they do not say otherwise; null: as its controller is configured. */
  baseline: z.boolean().nullable().optional(),
  /** Whether the failsafe limit is installed on its stations, where they do not say otherwise; null: it is. */
  failsafe: z.boolean().nullable().optional(),
  /** Whether its stations are told what sessions cost; null: they are not. */
  runningCost: z.boolean().nullable().optional(),
  /** Replaces the whole; null: as its controller is configured. */
  authorization: z.strictObject(authorizationPolicy.shape).nullable().optional(),
})
/** The MQTT credential is told once, here; a direct site has none. */
export const siteCreated = site
  .extend({ mqtt: z.object({ username: z.string(), password: z.string() }).optional() })
  .meta({ id: 'SiteCreated' })

export const moneyShape = z.object({ amount: z.string(), currency: z.string() })
export type MoneyAmount = z.infer<typeof moneyShape>
export const costPart = z
  .object({
    type: z.enum(['ENERGY', 'TIME', 'PARKING_TIME', 'FLAT']),
    /** kWh, hours, or 1. Decimal text. */
    quantity: z.string(),
    unit: z.enum(['kWh', 'h', 'session']),
    price: z.string(),
    vatPercent: z.string().nullable(),
    exclTax: z.string(),
    inclTax: z.string(),
    /** e.g. "20 kWh × 0.25 EUR/kWh + 10 % VAT". */
    text: z.string(),
  })
  .meta({ id: 'CostPart' })
export type CostPart = z.infer<typeof costPart>
export const costDetails = z
  .object({ tariffId: z.string(), exclTax: z.string(), inclTax: z.string(), parts: z.array(costPart) })
  .meta({ id: 'CostDetails' })
export type CostDetails = z.infer<typeof costDetails>

export const session = z
  .object({
    sessionId: z.string(),
    siteId: z.string(),
    stationId: z.string(),
    evseId: z.int(),
    connectorId: z.int(),
    /** running; ended and billed or to be billed; review: held back, with reasons; waived: nothing is to be paid, a person said so. */
    status: z.enum(['running', 'ended', 'review', 'waived']),
    transactionId: z.string(),
    idToken: z.object({ value: z.string(), type: z.string() }).nullable(),
    authorization: z.string(),
    /** The remote start that it was started by. */
    commandId: z.string().nullable().default(null),
    /** Events of it that have not come, by their numbers (OCPP 2.x); null: none is known to be missing. */
    missingEvents: z
      .object({
        numbers: z.array(z.object({ from: z.int(), to: z.int() })),
        /** The station says that none of them waits: they do not come. */
        lost: z.boolean(),
      })
      .nullable()
      .default(null),
    /** Whether it charges with priority, by its driver's wish or a command (OCPP 2.1); null: nothing was told. */
    priorityCharging: z.boolean().nullable().default(null),
    /** What its station itself has computed that it costs (OCPP 2.1), decimal text; what is billed is `cost`. Null: nothing was told. */
    stationCost: z
      .object({
        at: z.string(),
        /** Of its end; else so far. */
        final: z.boolean(),
        currency: z.string(),
        exclTax: z.string().nullable(),
        inclTax: z.string().nullable(),
      })
      .nullable()
      .default(null),
    startedAt: instant,
    endedAt: instant.nullable(),
    durationMs: z.int().nullable(),
    /** So far for a running one. */
    energyWh: z.number().nullable(),
    powerW: z.int().nullable(),
    currentMa: z.array(z.int()).nullable(),
    socPercent: z.int().nullable(),
    readAt: instant.nullable(),
    reason: z.string().nullable(),
    presumed: z.boolean(),
    revision: z.int(),
    review: z.array(z.string()),
    /** Including tax; null until billed. */
    cost: moneyShape.nullable(),
    costDetails: costDetails.nullable(),
    /** Ledger seq of the newest fact that this shows. */
    ledgerSeq: z.int(),
  })
  .meta({ id: 'Session' })
export type Session = z.infer<typeof session>

export const token = z
  .object({
    idToken: z.string(),
    type: z.string(),
    valid: z.boolean(),
    status: z.enum(['Accepted', 'Blocked', 'Expired', 'Invalid']),
    expiresAt: instant.nullable(),
    groupId: z.string().nullable(),
    driverId: z.string().nullable(),
    chargingPriority: z.int().nullable().default(null),
    language: z.string().nullable().default(null),
    personalMessage: z.string().nullable().default(null),
  })
  .meta({ id: 'Token' })
export type Token = z.infer<typeof token>
const tokenWish = z.strictObject({
  valid: z
    .boolean()
    .optional()
    .describe(
      'true is Accepted, false Blocked. Left out with `status`: as it was, and Accepted for a new token',
    ),
  status: z
    .enum(['Accepted', 'Blocked', 'Expired', 'Invalid'])
    .optional()
    .describe('What stations are answered; it need not be said beside `valid`'),
  expiresAt: instantInput
    .nullable()
    .optional()
    .describe('From then on an accepted token is Expired; null: never'),
  groupId: z
    .string()
    .max(36)
    .nullable()
    .optional()
    .describe('Told to stations with every answer: `groupIdToken`, in 1.6 `parentIdTag`'),
  driverId: z.string().nullable().optional(),
  chargingPriority: z
    .int()
    .min(-9)
    .max(9)
    .nullable()
    .optional()
    .describe('Told to 2.x stations: -9 to 9, the higher the sooner; 0 where nothing is said'),
  language: z
    .string()
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,4})?$/, 'a language as in RFC 5646, e.g. de or de-AT')
    .max(8)
    .nullable()
    .optional()
    .describe('Told to 2.x stations: the language of its driver, RFC 5646'),
  personalMessage: z
    .string()
    .min(1)
    .max(512)
    .nullable()
    .optional()
    .describe('What 2.x stations show its driver; a change reaches a running session'),
})
const tokenType = z.string().min(1).max(20)
const tokenAgrees = {
  check: ({ valid, status }: Pick<z.infer<typeof tokenWish>, 'valid' | 'status'>) =>
    valid === undefined || status === undefined || valid === (status === 'Accepted'),
  fault: { path: ['valid'], message: 'contradicts status' },
}
export const tokenInput = tokenWish
  .extend({
    idToken: z.string().min(1).max(255),
    type: tokenType
      .default('ISO14443')
      .describe('The type that OCPP 2.x stations tell; 1.6 has none and matches any'),
  })
  .refine(tokenAgrees.check, tokenAgrees.fault)
/** What is changed of a token (PATCH). */
export const tokenPatch = tokenWish.refine(tokenAgrees.check, tokenAgrees.fault)
/** The whole of a token (PUT); its type may stand here or in the query. */
export const tokenPut = tokenWish
  .extend({ type: tokenType.optional().describe('As in the query; ISO14443 for a new token if in neither') })
  .refine(tokenAgrees.check, tokenAgrees.fault)
export type TokenInput = z.input<typeof tokenInput>

/** A fact that is kept and could not be read by any version that ran so far. */
export const poisonRow = z
  .object({
    siteId: z.string().nullable(),
    journalId: z.string().nullable(),
    stream: z.string().nullable(),
    seq: z.int().nullable(),
    reason: z.string(),
    setAsideAt: instant,
    /** As the site sent it; long ones are cut, and `textComplete` says so. */
    text: z.string(),
    textComplete: z.boolean(),
  })
  .meta({ id: 'PoisonRow' })
/** Without a site: everything that is set aside. */
export const poisonReplayInput = z.strictObject({ siteId: z.string().optional() })
export const poisonReplay = z.object({ released: z.int(), left: z.int() }).meta({ id: 'PoisonReplay' })

export const driver = z
  .object({ driverId: z.string(), name: z.string(), email: z.string().nullable(), createdAt: instant })
  .meta({ id: 'Driver' })
export type Driver = z.infer<typeof driver>
export const driverInput = z.strictObject({ name: z.string().min(1).max(200), email: z.email().optional() })
export type DriverInput = z.input<typeof driverInput>

export const tariffInput = tariff.extend({
  /** Where it applies. `default`: everything of the tenant that has none of its own. */
  appliesTo: z
    .union(
      [
        z.strictObject({ default: z.literal(true) }),
        z.strictObject({ siteId: z.string() }),
        z.strictObject({ stationId: z.string() }),
      ],
      { error: 'one of {"default": true}, {"siteId": ...}, {"stationId": ...}' },
    )
    .optional(),
})
export const tariffResource = tariffInput.meta({ id: 'Tariff' })
export type TariffResource = z.infer<typeof tariffResource>

export const cdr = z
  .object({
    cdrId: z.string(),
    sessionId: z.string(),
    revision: z.int(),
    /** Which decision of a person released it from review, counted within the session; 0: nobody had to. */
    settlement: z.int().default(0),
    /** A credit takes back the CDR named in `credits`; its cost is negative. */
    credit: z.boolean(),
    credits: z.string().nullable(),
    siteId: z.string(),
    stationId: z.string(),
    idToken: z.string().nullable(),
    driverId: z.string().nullable(),
    startedAt: instant,
    endedAt: instant,
    energyWh: z.number(),
    durationMs: z.int(),
    cost: moneyShape,
    costDetails,
    issuedAt: instant,
  })
  .meta({ id: 'Cdr' })
export type Cdr = z.infer<typeof cdr>

/** Signed meter values of a session, by which it can be proved what the meter showed. */
export const signedData = z
  .object({
    sessionId: z.string(),
    /** As the station sent them, byte for byte, oldest first. */
    values: z.array(
      z.object({
        at: z.string(),
        measurand: z.string(),
        value: z.string(),
        unit: z.string().nullable(),
        context: z.string().nullable(),
        /** 1.6: the text; 2.x: SignedMeterValueType. */
        signed: z.unknown(),
      }),
    ),
    /** Signed values that had no room: they stand with the readings, which a site may have thinned. */
    omitted: z.int(),
    /** `signed_data` of a CDR in OCPI 2.2.1; null: nothing was signed. */
    ocpi: z
      .object({
        encoding_method: z.string(),
        public_key: z.string().optional(),
        signed_values: z.array(
          z.object({
            nature: z.enum(['Start', 'End', 'Intermediate']),
            plain_data: z.string(),
            /** Base64. */
            signed_data: z.string(),
          }),
        ),
      })
      .nullable(),
  })
  .meta({ id: 'SignedData' })
export type SignedData = z.infer<typeof signedData>

export const invoiceLine = z
  .object({
    lineId: z.string(),
    cdrId: z.string(),
    sessionId: z.string(),
    text: z.string(),
    exclTax: z.string(),
    inclTax: z.string(),
  })
  .meta({ id: 'InvoiceLine' })
export type InvoiceLine = z.infer<typeof invoiceLine>
/** Most lines within an invoice, alone and in a list; `/invoices/{invoiceId}/lines` has all of them, page by page. */
export const MAX_LINES_SHOWN = 500
export const MAX_LINES_LISTED = 100
export const invoice = z
  .object({
    invoiceId: z.string(),
    /** Null: sessions whose token belongs to no driver. */
    driverId: z.string().nullable(),
    /** Calendar month, e.g. "2026-11". */
    period: z.string(),
    status: z.enum(['open', 'issued']),
    currency: z.string(),
    totalExclTax: z.string(),
    totalInclTax: z.string(),
    /** How many lines there are; `lines` has the first of them, at most MAX_LINES_SHOWN, in a list MAX_LINES_LISTED. */
    lineCount: z.int(),
    lines: z.array(invoiceLine),
  })
  .meta({ id: 'Invoice' })
export type Invoice = z.infer<typeof invoice>

export const alert = z
  .object({
    alertId: z.string(),
    rule: z.string(),
    severity: z.enum(['info', 'warning', 'critical']),
    siteId: z.string().nullable(),
    stationId: z.string().nullable(),
    text: z.string(),
    /** The page that says what to do, as a path within the project; null for a rule that has none. */
    runbook: z.string().nullable(),
    raisedAt: instant,
    clearedAt: instant.nullable(),
  })
  .meta({ id: 'Alert' })
export type Alert = z.infer<typeof alert>

/** One journal of a site: a new card, a reflash or a fork makes one. One of them speaks for the site. */
export const siteLane = z
  .object({
    journalId: z.string(),
    /** It gets commands and documents and sets what is shown; the others are fenced: their facts are taken, and may be billed. */
    authority: z.boolean(),
    epoch: z.int(),
    controllerVersion: z.string(),
    /** The journal that this one began as a fork of. */
    forkedFrom: z.string().nullable(),
    firstHelloAt: instant,
    helloAt: instant,
    /** Facts of its ledger that are here. */
    ledgerSeq: z.int(),
  })
  .meta({ id: 'SiteLane' })
export type SiteLane = z.infer<typeof siteLane>

export const serviceStatus = z
  .object({
    name: z.string(),
    status: z.enum(['ok', 'down']),
    instance: z.string().nullable(),
    url: z.string(),
    error: z.string().nullable(),
  })
  .meta({ id: 'ServiceStatus' })
export type ServiceStatus = z.infer<typeof serviceStatus>

/**
 * What `/api/v1/stream` sends. `fact`: something that happened, with an SSE id to resume from; it is sent once the lists and
 * resources show it. `live`: the current picture of a site, without an id. `reset`: too much was missed, read everything again.
 */
export const streamFact = z.object({
  kind: z.string(),
  siteId: z.string().nullable(),
  stationId: z.string().nullable(),
  sessionId: z.string().nullable(),
  stream: z.string().nullable(),
  seq: z.int().nullable(),
  receivedAt: instant,
})
export type StreamFact = z.infer<typeof streamFact>
export const streamLive = live.extend({ siteId: z.string() })
export type StreamLive = z.infer<typeof streamLive>
