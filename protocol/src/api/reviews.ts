/** Resources of `/api/v1/reviews`: sessions that are not billed blindly, with the evidence and what persons decided. */
import { z } from 'zod'
import { decimalToInteger } from '../units.ts'
import { costDetails, instantInput, moneyShape, session } from './shapes.ts'

const instant = z.iso.datetime()
const idToken = z.object({ value: z.string(), type: z.string() })
const idTokenInput = z.strictObject({
  value: z.string().min(1).max(255),
  type: z.string().min(1).max(20).default('Central'),
})
/** Longest note, e.g. why something was waived. */
const MAX_NOTE_LENGTH = 2_000

export const REVIEW_ACTIONS = ['accept', 'correct', 'waive'] as const

/** What of a session a decision looks at and may change. Energy in Wh, at most three decimals. */
export const reviewValues = z
  .object({
    startedAt: instant,
    endedAt: instant,
    durationMs: z.int(),
    startRegisterWh: z.number().nullable(),
    endRegisterWh: z.number().nullable(),
    energyWh: z.number().nullable(),
    idToken: idToken.nullable(),
  })
  .meta({ id: 'ReviewValues' })
export type ReviewValues = z.infer<typeof reviewValues>

/** One line of the audit trail. */
export const reviewSettlement = z
  .object({
    /** Counts the decisions on the session, from 1. */
    settlement: z.int(),
    revision: z.int(),
    action: z.enum(REVIEW_ACTIONS),
    /** `actor`: `operator:<id>` or `api-key:<id>`; `name`: the operator's e-mail or the key's name. */
    by: z.object({ actor: z.string(), name: z.string() }),
    at: instant,
    note: z.string().nullable(),
    override: z.boolean(),
    before: reviewValues,
    /** What was to be billed; null: waived. */
    after: reviewValues.nullable(),
  })
  .meta({ id: 'ReviewSettlement' })
export type ReviewSettlement = z.infer<typeof reviewSettlement>

export const review = z
  .object({
    /** The id of its session. */
    reviewId: z.string(),
    sessionId: z.string(),
    siteId: z.string(),
    stationId: z.string(),
    evseId: z.int(),
    connectorId: z.int(),
    transactionId: z.string(),
    /** The revision of the session's end that waits. */
    revision: z.int(),
    status: z.enum(['open', 'settled']),
    /** `text`: what is wrong, in a plain sentence. */
    reasons: z.array(z.object({ reason: z.string(), text: z.string() })),
    openedAt: instant,
    settledAt: instant.nullable(),
    /** As its site told it. */
    told: reviewValues,
    /** The newest decision; one before that of the revision that waits included (somebody waived it, and it came again). */
    decision: reviewSettlement.nullable(),
  })
  .meta({ id: 'Review' })
export type Review = z.infer<typeof review>

/** What a bill would come to, and what stands against it. */
export const billPreview = z
  .object({
    cost: moneyShape.nullable(),
    costDetails: costDetails.nullable(),
    /** Empty: it can be billed. `register-missing`, `unplaceable-time`, `overlaps-another-session`, `no-tariff`, ... */
    against: z.array(z.string()),
    /** Payable CDRs of other sessions on the connector at the same time. */
    overlapping: z.array(
      z.object({
        cdrId: z.string(),
        sessionId: z.string(),
        startedAt: instant,
        endedAt: instant,
        energyWh: z.number(),
      }),
    ),
    /** The CDR of the session that is to be paid now; it would be credited. */
    payable: z.object({ cdrId: z.string(), cost: moneyShape }).nullable(),
  })
  .meta({ id: 'BillPreview' })
export type BillPreview = z.infer<typeof billPreview>
/** What station-service asks of billing-service. */
export const billPreviewInput = z.strictObject({
  sessionId: z.string(),
  siteId: z.string(),
  stationId: z.string(),
  evseId: z.int(),
  connectorId: z.int(),
  startedAt: z.string(),
  endedAt: z.string(),
  durationMs: z.int(),
  energyMilliWh: z.int().optional(),
})
export type BillPreviewInput = z.infer<typeof billPreviewInput>

const neighbour = session
  .pick({ sessionId: true, startedAt: true, endedAt: true, energyWh: true, status: true, presumed: true })
  .extend({ startRegisterWh: z.number().nullable() })
export const reviewEvidence = z
  .object({
    /** Null: nobody has told of a session beside what waits. */
    session: session.nullable(),
    authorization: z.string(),
    reason: z.string(),
    /** The station never told its end. */
    presumed: z.boolean(),
    /** Registers within the session, at quarter hours, oldest first. */
    profile: z.array(z.object({ at: instant, registerWh: z.number() })),
    /** The newest readings that reached the cloud, oldest first. */
    meter: z.array(
      z.object({
        at: z.string(),
        receivedAt: instant,
        registerWh: z.number().nullable(),
        powerW: z.int().nullable(),
        /** Values that the station signed, byte for byte: `signed` is text on OCPP 1.6, a SignedMeterValueType on 2.x. */
        signed: z.array(
          z.object({ measurand: z.string(), context: z.string().nullable(), signed: z.unknown() }),
        ),
        journalId: z.string(),
        seq: z.int(),
      }),
    ),
    /** Of the same connector. */
    previous: neighbour.nullable(),
    next: neighbour.nullable(),
    /** Every fact of the session in the ledger and of the services, oldest first, with where it stands. */
    facts: z.array(
      z.object({
        kind: z.string(),
        /** Of a site's fact: where in which journal it stands. Null for one made in the cloud. */
        journalId: z.string().nullable(),
        seq: z.int().nullable(),
        /** The service that made it. */
        producer: z.string().nullable(),
        /** The lane had authority when it was taken. */
        authority: z.boolean().nullable(),
        /** What the station said that the time was. */
        stationAt: z.string().nullable(),
        /** When the controller wrote it, by its clock, and how far that could be trusted. */
        at: z.string(),
        clock: z.string().nullable(),
        /** When the cloud took it. */
        receivedAt: instant,
      }),
    ),
    /** What accepting it comes to; null: billing does not answer now. */
    proposed: billPreview.nullable(),
  })
  .meta({ id: 'ReviewEvidence' })
export const reviewDetail = review
  .extend({ settlements: z.array(reviewSettlement), evidence: reviewEvidence })
  .meta({ id: 'ReviewDetail' })
export type ReviewDetail = z.infer<typeof reviewDetail>

/** An amount of energy as a client may send it: a decimal of Wh with at most three places, as text or number; read as milli-Wh. */
const wh = z.union([z.number(), z.string()]).transform((value, context) => {
  const milliWh = /^\d{1,12}(\.\d{1,3})?$/.test(String(value)) ? decimalToInteger(value, 3) : undefined
  if (milliWh === undefined) context.addIssue('Wh, not negative, with at most three decimals')
  return milliWh ?? z.NEVER
})

/** What the person saw; when the site has told a newer one since, the decision is refused. */
const revision = z.int().min(1).optional()
const note = z.string().trim().min(1).max(MAX_NOTE_LENGTH)
export const reviewAcceptInput = z.strictObject({ revision, note: note.optional() })
export const reviewCorrectInput = z.strictObject({
  revision,
  startedAt: instantInput.optional(),
  endedAt: instantInput.optional(),
  startRegisterWh: wh.optional(),
  endRegisterWh: wh.optional(),
  /** Left out: the difference of the registers. */
  energyWh: wh.optional(),
  /** Null: nobody's. */
  idToken: idTokenInput.nullable().optional(),
  /** Bills it though it is implausible; the note says why. */
  override: z.boolean().default(false),
  note: note.optional(),
})
export type ReviewCorrectInput = z.infer<typeof reviewCorrectInput>
export const reviewWaiveInput = z.strictObject({ revision, note })
