/** Alert rules about the security of one station. Pure. */
import type { LogEntry, ReadEntry } from '../platform/event-log/entry.ts'
import type { NewAlert } from './queries.ts'

/** A station's own word; over when it has booted since. */
export const SECURITY_EVENT = 'security-event'

/**
 * Events that somebody should look at: the critical ones of 2.0.1 Part 2, appendix 1, and of the 1.6 security whitepaper, less those of
 * everyday life (a start, a reset, the time set, firmware updated), which are in the log.
 */
const ALARMING: ReadonlySet<string> = new Set([
  'FailedToAuthenticateAtCsms',
  'FailedToAuthenticateAtCentralSystem',
  'CsmsFailedToAuthenticate',
  'CentralSystemFailedToAuthenticate',
  'SecurityLogWasCleared',
  'MemoryExhaustion',
  'TamperDetectionActivated',
  'InvalidFirmwareSignature',
  'InvalidFirmwareSigningCertificate',
  'InvalidCsmsCertificate',
  'InvalidCentralSystemCertificate',
  'InvalidChargingStationCertificate',
  'InvalidTLSVersion',
  'InvalidTLSCipherSuite',
  'MaintenanceLoginFailed',
])
const CERTIFICATE_NOT = {
  refused: 'not signed',
  rejected: 'signed and then rejected by the station',
  unanswered: 'signed and sent, and not answered',
} as const

export function stationAlertOf(
  entry: LogEntry,
  fact: ReadEntry,
  about: Omit<NewAlert, 'alert_id' | 'rule' | 'severity' | 'text'>,
): NewAlert | undefined {
  const { siteId, stationId } = entry
  switch (fact.kind) {
    case 'station.security-event': {
      const { type, techInfo } = fact.data
      if (!ALARMING.has(type)) return undefined
      return {
        ...about,
        alert_id: `${SECURITY_EVENT}:${siteId}:${stationId}:${type}`,
        rule: SECURITY_EVENT,
        severity: 'critical',
        text: `Station ${stationId} reports the security event ${type}${techInfo === undefined ? '' : `: ${techInfo}`}. Over when it boots again.`,
      }
    }
    case 'station.connection-refused': {
      const { reason, remote, times, status } = fact.data
      return {
        ...about,
        alert_id: stationAlertId('station-refused', siteId, stationId),
        rule: 'station-refused',
        severity: 'warning',
        text: `Somebody at ${remote} knocked as station ${stationId} and was refused with ${status}${times > 1 ? ` (${times} times)` : ''}: ${reason}. If it is the station itself, its password or certificate is not what the site knows; if not, find out who it is. Over when the station connects.`,
      }
    }
    case 'station.certificate': {
      const { outcome, certificateType, reason } = fact.data
      if (outcome === 'accepted') return undefined
      const kind =
        certificateType === undefined ? 'a certificate' : `a certificate for cars (${certificateType})`
      return {
        ...about,
        alert_id: certificateAlertId(siteId, stationId, certificateType),
        rule: 'certificate-not-installed',
        severity: 'warning',
        text: `Station ${stationId} asked for ${kind}, which was ${CERTIFICATE_NOT[outcome]}${reason === undefined ? '' : `: ${reason}`}. The one that it has holds until it ends. Over when one is installed.`,
      }
    }
    case 'station.certificate-not-renewed': {
      const { reason, notAfter } = fact.data
      return {
        ...about,
        alert_id: stationAlertId('certificate-not-installed', siteId, stationId),
        rule: 'certificate-not-installed',
        severity: 'warning',
        text: `The certificate of station ${stationId} ends at ${notAfter}, and could not be renewed: ${reason}. It is tried again every day. Over when one is installed.`,
      }
    }
    case 'station.der-alarm': {
      const { controlType, fault, ended, info } = fact.data
      if (ended) return undefined
      const what = [fault, controlType].filter((it) => it !== undefined).join(' by ')
      return {
        ...about,
        alert_id: derAlarmId(siteId, stationId, controlType),
        rule: 'der-alarm',
        severity: 'warning',
        text: `Station ${stationId} reports that the grid is not as it should be (${what})${info === undefined ? '' : `: ${info}`}. It may charge or feed in less, or not at all. Over when it says so.`,
      }
    }
    default:
      return undefined
  }
}

/** What ends alerts of a station: it connects, installs a certificate, or says that an alarm is over. */
export function alertsOver({ siteId, stationId }: LogEntry, fact: ReadEntry): string[] {
  if (fact.kind === 'station.connected') return [stationAlertId('station-refused', siteId, stationId)]
  if (fact.kind === 'station.certificate' && fact.data.outcome === 'accepted')
    return [certificateAlertId(siteId, stationId, fact.data.certificateType)]
  if (fact.kind === 'station.der-alarm' && fact.data.ended)
    return [derAlarmId(siteId, stationId, fact.data.controlType)]
  return []
}

/** Each type of control has an alarm of its own; its end need not name the fault. */
function derAlarmId(siteId: string | null, stationId: string | null, controlType: string): string {
  return `der-alarm:${siteId}:${stationId}:${controlType}`
}

/** Each kind of certificate has an alert of its own. */
function certificateAlertId(
  siteId: string | null,
  stationId: string | null,
  type: string | undefined,
): string {
  const id = stationAlertId('certificate-not-installed', siteId, stationId)
  return type === undefined ? id : `${id}:${type}`
}

function stationAlertId(
  rule: 'station-refused' | 'certificate-not-installed',
  siteId: string | null,
  stationId: string | null,
): string {
  return `${rule}:${siteId}:${stationId}`
}
