/**
 * Facts made in the cloud: what one service must know of another. A service writes them to its outbox in the transaction that
 * made them true; the relay appends them to the log, deduplicated by (producer, n).
 */
import { cdr, SITE_CONNECTIONS } from '@switchyard/protocol/api/shapes.ts'
import { command } from '@switchyard/protocol/site/command.ts'
import { documentVersion } from '@switchyard/protocol/site/document.ts'
import { factData } from '@switchyard/protocol/site/fact.ts'
import { z } from 'zod'

/** What of a session a decision on it looks at and may change. */
const reviewedValues = factData['session.ended'].pick({
  startedAt: true,
  endedAt: true,
  durationMs: true,
  startRegisterMilliWh: true,
  endRegisterMilliWh: true,
  energyMilliWh: true,
  idToken: true,
})
export type ReviewedValues = z.infer<typeof reviewedValues>

export const cloudFactData = {
  // station-service
  'site.registered': z.object({
    name: z.string(),
    timeZone: z.string(),
    /** direct: its one station connects to ocpp-gateway. Absent in facts from before there were any. */
    connection: z.enum(SITE_CONNECTIONS).optional(),
  }),
  'command.requested': z.object({ command }),
  // station-, driver-, billing-service: desired state. siteId null in the envelope: every site of the tenant.
  'document.published': z.object({
    name: z.string(),
    version: documentVersion,
    sha256: z.string(),
    body: z.string(),
  }),
  /** A document of which the content is asked of the service that owns it (`form`: buckets.ts), because it is large. */
  'document.announced': z.object({
    name: z.string(),
    version: documentVersion,
    digest: z.string(),
    form: z.int(),
    owner: z.string(),
  }),
  // site-gateway
  /** It was sent, and will not be sent again: whether it took effect is not known, unless the site says so later. */
  'command.abandoned': z.object({ commandId: z.string(), reason: z.string() }),
  'site.online': z.object({ journalId: z.string(), epoch: z.int(), version: z.string() }),
  'site.offline': z.object({ lastHeardAt: z.string() }),
  'site.lane-fenced': z.object({
    journalId: z.string(),
    reason: z.string(),
    authorityJournalId: z.string().optional(),
    forkedFrom: z.string().optional(),
  }),
  /** Another journal speaks for the site: a new one took the place of one that is silent, a box forked, or an operator (`by`) says so. */
  'site.authority-given': z.object({
    journalId: z.string(),
    fromJournalId: z.string().nullable(),
    epoch: z.int(),
    cause: z.enum(['replaced', 'forked', 'operator']),
    by: z.string().nullable(),
  }),
  /** A journal and the one that forked from it are both heard: two boxes run. */
  'site.clone-suspected': z.object({ journalId: z.string(), forkJournalId: z.string() }),
  // driver-service: whose a token is, for billing. `driverId` null: nobody's.
  'token.changed': z.object({
    idToken: z.string(),
    type: z.string(),
    status: z.string(),
    driverId: z.string().nullable(),
  }),
  // station-service: the tariff of a station by its own resource; null: the site's, else the tenant's
  'station.tariff-assigned': z.object({ tariffId: z.string().nullable() }),
  // billing-service
  'cdr.issued': z.object({ cdr }),
  /**
   * A session that is not billed but waits for a person, e.g. because it overlaps another; `cdr.issued` or `session.reviewed` ends
   * it. `settlement`: the newest decision that was heard of when it was held. `ended`: what its site told, or was made of it.
   */
  'session.held': z.object({
    revision: z.int(),
    reasons: z.array(z.string()),
    settlement: z.int().default(0),
    ended: factData['session.ended'].optional(),
    /** Where the fact stands that it was made of. */
    origin: z.object({ journalId: z.string(), stream: z.string(), seq: z.int() }).optional(),
  }),
  // station-service: a person's decision on a session in review. `settlement` counts them within the session, from 1.
  'session.reviewed': z.object({
    revision: z.int(),
    settlement: z.int().min(1),
    action: z.enum(['accept', 'correct', 'waive']),
    evseId: z.int(),
    connectorId: z.int(),
    before: reviewedValues,
    /** What is to be billed; null: nothing, it is waived. */
    after: reviewedValues.nullable(),
    by: z.object({ actor: z.string(), name: z.string() }),
    note: z.string().nullable(),
    /** The person said that it is right though it is implausible. */
    override: z.boolean(),
  }),
  // station-service: the end that it makes for a session that its site has forgotten
  'session.forgotten': factData['session.ended'],
  // station-service: whether energy that nobody identified for is billed, or put before a person
  'site.policy': z.object({ unidentifiedEnergy: z.enum(['review', 'bill']) }),
  // the log itself, to every tenant: its database was restored, or an operator says so. What came after `since` is lost, or comes again.
  'log.generation-begun': z.object({
    generation: z.string(),
    before: z.string(),
    reason: z.string(),
    since: z.string(),
  }),
  // any consumer
  'alert.raised': z.object({
    alertId: z.string(),
    rule: z.string(),
    severity: z.enum(['info', 'warning', 'critical']),
    text: z.string(),
  }),
  'alert.cleared': z.object({ alertId: z.string() }),
} as const

export type CloudFactKind = keyof typeof cloudFactData
/** Text form: `{kind, stationId?, sessionId?, at, data}`. */
export type CloudFact = {
  [K in CloudFactKind]: {
    kind: K
    stationId?: string
    sessionId?: string
    at: string
    data: z.infer<(typeof cloudFactData)[K]>
  }
}[CloudFactKind]
