/** Alert rules that follow from a single fact: which alert it raises, with an id that comes from what it is about. Pure. */
import { hasEnergy, sessionIdOfStop } from '@switchyard/protocol/billing/unmatched.ts'
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import type { NewAlert } from './queries.ts'
import { stationAlertOf } from './station-rules.ts'

/** A controller booted without knowing the time; its next boot with a known one clears it. */
export const CLOCK_UNSET = 'clock-unset'

const JOURNAL_PRESSURE = 'journal-pressure'
/** By level of `journal.pressure`: what the site has given up. */
const JOURNAL_PRESSURE_TEXT: readonly { severity: NewAlert['severity']; what: string }[] = [
  { severity: 'info', what: 'nothing is given up' },
  { severity: 'info', what: 'rows that the cloud has are removed before their time' },
  { severity: 'warning', what: 'readings that were not sent yet are thinned' },
  { severity: 'warning', what: 'readings are not written any more; sessions are, with their registers' },
  { severity: 'critical', what: 'new sessions are refused, those that run go on' },
  {
    severity: 'critical',
    what: 'it is full, and the reserve is in use: sessions that run can end, new ones stay with their stations',
  },
]
const WHAT_TO_DO =
  'Bring the site back on line if it is not, so that its backlog drains; look for what else fills the disk (logs, transcripts); give it a larger card (runbook full-disk).'

export function alertOf(entry: LogEntry, fact: ReadEntry): NewAlert | undefined {
  const about = {
    tenant_id: entry.tenantId,
    site_id: entry.siteId,
    station_id: entry.stationId,
    raised_at: entry.receivedAt,
  }
  switch (fact.kind) {
    case 'alert.raised':
      return {
        ...about,
        // When it was raised, not when that was heard: our own word of it, coming back, must not raise it after it was cleared.
        raised_at: new Date(fact.at),
        alert_id: fact.data.alertId,
        rule: fact.data.rule,
        severity: fact.data.severity,
        text: fact.data.text,
      }
    case 'log.generation-begun':
      return {
        ...about,
        alert_id: `cloud-restored:${fact.data.generation}`,
        rule: 'cloud-restored',
        severity: 'critical',
        text: `The cloud's database was restored (${fact.data.reason}): what it learned after ${fact.data.since} is missing. Sites send again what they kept; what was entered in the cloud since then must be entered again. Over when every site has said hello.`,
      }
    case 'site.lane-fenced':
      return {
        ...about,
        alert_id: laneAlertId('lane-fenced', entry.siteId, fact.data.journalId),
        rule: 'lane-fenced',
        severity: 'critical',
        text: `A second journal (${fact.data.journalId}) reports for site ${entry.siteId}: ${fact.data.reason}; its facts are taken, nothing is sent to it. Choose on the site's page which journal speaks for the site, and switch off the box of the other.`,
      }
    case 'site.clone-suspected':
      return {
        ...about,
        alert_id: laneAlertId('clone-suspected', entry.siteId, fact.data.journalId),
        rule: 'clone-suspected',
        severity: 'critical',
        text: `Two controllers at site ${entry.siteId} run from copies of one card: journal ${fact.data.journalId} and its fork ${fact.data.forkJournalId} are both heard; the sessions of both are kept. Switch off the box that does not belong there, or give it a fresh card, then choose on the site's page which journal speaks for the site.`,
      }
    case 'journal.forked':
      return {
        ...about,
        alert_id: laneAlertId('journal-forked', entry.siteId, entry.journal?.journalId),
        rule: 'journal-forked',
        severity: 'warning',
        text: `The controller of site ${entry.siteId} ${FORKED_BECAUSE[fact.data.reason]}: journal ${fact.data.fromJournalId} goes on as ${entry.journal?.journalId}, and no session of either is lost. Make sure that only one box runs, then confirm on the site's page which journal speaks for the site.`,
      }
    case 'site.authority-given':
      if (fact.data.cause !== 'replaced') return undefined
      return {
        ...about,
        alert_id: laneAlertId('controller-swapped', entry.siteId, fact.data.journalId),
        rule: 'controller-swapped',
        severity: 'warning',
        text: `A controller with a new journal (${fact.data.journalId}) took over site ${entry.siteId} from ${fact.data.fromJournalId}, which was silent. If its card or box was exchanged, confirm it on the site's page; if not, find out which box this is.`,
      }
    case 'stream.row-packed':
      return {
        ...about,
        alert_id: `row-packed:${entry.siteId}:${entry.journal?.journalId}:${entry.journal?.stream}:${entry.journal?.seq}`,
        rule: 'row-packed',
        severity: 'critical',
        text: `Row ${entry.journal?.seq} of the ${entry.journal?.stream} of site ${entry.siteId} could not be read and was sent packed: ${fact.data.reason}. Nothing is taken from it; its text is in the log.`,
      }
    case 'stream.loss': {
      const lost = `${entry.journal?.journalId}:${entry.journal?.stream}:${fact.data.from}`
      return {
        ...about,
        alert_id: `stream-loss:${entry.siteId}:${lost}`,
        rule: 'stream-loss',
        severity: entry.journal?.stream === 'ledger' ? 'critical' : 'warning',
        text: `Site ${entry.siteId} lost rows ${fact.data.from} to ${fact.data.to} of its ${entry.journal?.stream} before they could be sent: ${fact.data.reason}.`,
      }
    }
    case 'clock.placed': {
      const offMinutes = Math.round(Math.abs(fact.data.offByMs) / 60_000)
      if (offMinutes === 0) return undefined
      return {
        ...about,
        alert_id: `${CLOCK_UNSET}:${entry.siteId}`,
        rule: CLOCK_UNSET,
        severity: 'warning',
        text: `The controller of site ${entry.siteId} booted without knowing the time and was ${offMinutes} min off until the cloud told it. Give the box a time server (NTP) on its network, or a battery for its clock; sessions that it could not place are in review.`,
      }
    }
    case 'journal.pressure': {
      const { level, roomBytes, unwritten } = fact.data
      const told = JOURNAL_PRESSURE_TEXT[Math.min(level, JOURNAL_PRESSURE_TEXT.length - 1)]
      if (level === 0 || !told || entry.journal?.authority === false) return undefined
      const left = `${Math.floor(roomBytes / 1024 / 1024)} MB are left`
      const lost = unwritten > 0 ? ` ${unwritten} readings were not written.` : ''
      return {
        ...about,
        alert_id: `${JOURNAL_PRESSURE}:${entry.siteId}:${level}`,
        rule: JOURNAL_PRESSURE,
        severity: told.severity,
        text: `The disk of the controller at site ${entry.siteId} is filling (${left}): ${told.what}.${lost} ${WHAT_TO_DO}`,
      }
    }
    case 'journal.salvaged': {
      const { rows, lost, entitiesLost, newestUnknown, newJournal } = fact.data
      const losses = [
        ...(lost.length > 0 ? [`${lost.length} ranges of rows are lost (each is an alert of its own)`] : []),
        ...(newestUnknown ? ['how many of the newest rows are lost is not known'] : []),
        ...(entitiesLost ? ['running sessions may be forgotten: compare with the stations'] : []),
        ...(newJournal ? ['its id was lost, so it reports as a new journal'] : []),
      ]
      return {
        ...about,
        alert_id: `journal-corrupt:${entry.siteId}:${entry.journal?.journalId}:${entry.journal?.seq}`,
        rule: 'journal-corrupt',
        severity: losses.length > 0 ? 'critical' : 'warning',
        text: `The file of the journal at site ${entry.siteId} was damaged (${fact.data.reason}). ${rows.ledger} rows of the ledger and ${rows.telemetry} of telemetry were saved; ${losses.join('; ') || 'nothing is lost'}. The damaged file lies beside the journal. Replace the card: one that damages a page does it again.`,
      }
    }
    case 'session.stop-unmatched':
      return {
        ...about,
        alert_id: stopAlertId(sessionIdOfStop(entry.siteId ?? '', entry.stationId ?? '', fact.data)),
        rule: 'stop-unmatched',
        severity: 'warning',
        text: `Station ${entry.stationId} told the end of a session (transaction ${fact.data.transactionId}) that does not fit any that is known, or contradicts the end told before: ${hasEnergy(fact.data) ? 'it is in review' : 'no energy can have flowed'}.`,
      }
    case 'session.held':
      return {
        ...about,
        alert_id: reviewAlertId(entry.sessionId, fact.data.revision),
        rule: 'session-review',
        severity: 'info',
        text: `A session at station ${entry.stationId} is in review and not billed: ${fact.data.reasons.join(', ')}.`,
      }
    default:
      return stationAlertOf(entry, fact, about)
  }
}

const FORKED_BECAUSE = {
  lost: 'came back with an older copy of its journal than the cloud has',
  parted:
    'has another history of its journal than the cloud has (a cloned card, or an old copy that worked on)',
}

/** Rules about which journal speaks for a site: an operator's choice settles them. */
export const LANE_RULES = ['lane-fenced', 'clone-suspected', 'journal-forked', 'controller-swapped'] as const

export function laneAlertId(
  rule: (typeof LANE_RULES)[number],
  siteId: string | null,
  journalId: string | undefined,
): string {
  return `${rule}:${siteId}:${journalId}`
}

export function reviewAlertId(sessionId: string | null, revision: number): string {
  return `session-review:${sessionId}:${revision}`
}

/** Of every level but this one. */
export function pressureAlertIds(siteId: string | null, except: number): string[] {
  return JOURNAL_PRESSURE_TEXT.flatMap((_, level) =>
    level === except ? [] : [`${JOURNAL_PRESSURE}:${siteId}:${level}`],
  )
}

export function stopAlertId(sessionId: string): string {
  return `stop-unmatched:${sessionId}`
}
