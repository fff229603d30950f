/** What the central system of a site is given: its configuration, the state over a journal, time, randomness, and what it tells. */
import type { CertificateQuestion, CertificateReply } from '@switchyard/protocol/site/certificate-question.ts'
import type { CertificateSigner } from './certificates/issue.ts'
import type { ChargingPlanning } from './load/charging-plan.ts'
import type { Onboarding } from './ocpp/admission.ts'
import type { SiteSecurity } from './ocpp/security-changes/change.ts'
import type { Clock, FirmwareSource, Log, Random, UploadPlaces } from './ports.ts'
import type { Ask, OfflinePolicy } from './session/authorize.ts'
import type { SiteState } from './site-state.ts'
import type { PasswordCheck } from './station/password.ts'

export interface SiteControllerConfig {
  onboarding: Onboarding
  /** Seconds between heartbeats, told in the boot's answer. */
  heartbeatIntervalS: number
  /** Between WebSocket pings; 0: none. */
  pingIntervalMs: number
  offlinePolicy: OfflinePolicy
  /** Whether the metering baseline is set on stations. */
  baseline: boolean
  /** Seconds between sampled meter values in a session. */
  meterIntervalS: number
  /** Largest power of a connector whose station's document does not tell, W. */
  maxPowerW: number
  /** mA per phase for the whole site; absent: load control sends nothing. */
  siteLimitMa?: number
  /** How the share of a session is used whose car has told what it needs (K15); absent: as early as it allows. */
  planning?: ChargingPlanning
  /** mA per phase that a session falls back to. */
  failsafeMa: number
}

export interface CentralSystemPorts {
  state: SiteState
  clock: Clock
  random: Random
  log: Log
  config: SiteControllerConfig
  /** Signs certificates of stations; absent: the site has no CA. */
  signer?: CertificateSigner | undefined
  /** What the site offers to stations that prove themselves; absent: no TLS and no CA. */
  security?: SiteSecurity | undefined
  /** Takes files of stations; absent: the site takes none. */
  uploads?: UploadPlaces | undefined
  /** Absent: firmware is fetched from where a command says only. */
  firmware?: FirmwareSource | undefined
  /** Asks the cloud about a token; absent or undefined in answer: there is no link. */
  ask?: Ask
  /** Asks the cloud about certificates of ISO 15118; as `ask`, and must not reject. */
  askCertificates?: (
    stationId: string,
    question: CertificateQuestion,
  ) => Promise<CertificateReply | undefined>
  /** Shared by controllers of one process, so that a password is computed once; absent: one of its own. */
  passwords?: PasswordCheck | undefined
  /** The journal failed: the process must stop. */
  onFatal?: (error: Error) => void
  /** Transcripts on demand: every frame as it stands on the wire. */
  record?: (stationId: string, direction: 'in' | 'out', text: string) => void
}
