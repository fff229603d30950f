/**
 * Who may charge, local first: the tokens document decides; a token that it does not know is asked of the cloud while there
 * is a link, for at most ASK_TIMEOUT_MS; then the site's offline policy decides.
 */
import { parseInstant } from '@switchyard/protocol/instant.ts'
import { isSameToken } from '@switchyard/protocol/site/emaid.ts'
import type { FactDraft, IdToken } from '@switchyard/protocol/site/fact.ts'
import { appliedDocument } from '../documents.ts'
import type { StateReader } from '../draft.ts'
import type { Clock } from '../ports.ts'
import { tokenEntry } from '../tokens.ts'
import { hasRoomForTrust } from './offline-risk.ts'
import { runningSessions, type Session } from './session.ts'

/** Longest that a station waits for the cloud's word on a token. */
export const ASK_TIMEOUT_MS = 2_000

export type OfflinePolicy = 'accept' | 'refuse'
export type TokenStatus = 'Accepted' | 'Blocked' | 'Expired' | 'Invalid'

export interface Authorization {
  idToken: IdToken
  status: TokenStatus
  source: 'document' | 'cloud' | 'offline-policy' | 'none'
  /** Decided without a link to the cloud. */
  offline: boolean
  expiresAt?: string
  groupId?: string
  /** What 2.x stations are told besides. */
  chargingPriority?: number
  language?: string
  personalMessage?: string
}

/** The cloud's word on a token; undefined when there is no link or no answer. Must not reject. */
export type Ask = (
  stationId: string,
  idToken: IdToken,
) => Promise<'Accepted' | 'Blocked' | 'Expired' | 'Invalid' | 'Unknown' | undefined>

/** What the document says; undefined when it does not know the token. */
export function authorizeLocally(
  state: StateReader,
  idToken: IdToken,
  nowMs: number,
): Authorization | undefined {
  const entry = isPayment(idToken) ? undefined : tokenEntry(state, idToken)
  if (!entry) return undefined
  const expiresMs = entry.expiresAt === undefined ? undefined : parseInstant(entry.expiresAt)
  const expired = expiresMs !== undefined && expiresMs <= nowMs
  const { expiresAt, groupId, chargingPriority, language, personalMessage } = entry
  return {
    idToken,
    status: entry.status === 'Accepted' && expired ? 'Expired' : entry.status,
    source: 'document',
    offline: false,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(chargingPriority === undefined ? {} : { chargingPriority }),
    ...(language === undefined ? {} : { language }),
    ...(personalMessage === undefined ? {} : { personalMessage }),
  }
}

/** 2.1: a payment terminal vouches for who pays there (C18, C24, C25); its value names a payment, and nobody's token. */
function isPayment({ type }: IdToken): boolean {
  return type === 'DirectPayment'
}

export interface AuthorizePorts {
  clock: Clock
  ask: Ask | undefined
  /** A remote start to this station has vouched for the token a short while ago. */
  isVouchedFor(token: string): boolean
  /** What the configuration says; the site document may say otherwise. */
  offlinePolicy: OfflinePolicy
  /** Every station of the site. */
  stationIds(): readonly string[]
}

/** Local decision, else the cloud's, else the offline policy's. Never rejects; takes at most ASK_TIMEOUT_MS. */
export async function authorize(
  state: StateReader,
  stationId: string,
  idToken: IdToken,
  ports: AuthorizePorts,
): Promise<Authorization> {
  // 2.x: a start button or an always-free station asks for nobody (use case C02).
  if (idToken.type === 'NoAuthorization')
    return { idToken, status: 'Accepted', source: 'none', offline: false }
  if (isPayment(idToken)) {
    const isRefused =
      appliedDocument(state, 'site')?.authorization?.directPayment === 'refuse' &&
      !ports.isVouchedFor(idToken.value)
    return { idToken, status: isRefused ? 'Invalid' : 'Accepted', source: 'none', offline: false }
  }
  const local = authorizeLocally(state, idToken, ports.clock.now())
  if (local) return local
  if (ports.isVouchedFor(idToken.value))
    return { idToken, status: 'Accepted', source: 'cloud', offline: false }
  const answer = ports.ask && (await withTimeout(ports.clock, ports.ask(stationId, idToken)))
  if (answer !== undefined) {
    return { idToken, status: answer === 'Unknown' ? 'Invalid' : answer, source: 'cloud', offline: false }
  }
  const site = appliedDocument(state, 'site')
  const policy = site?.authorization?.offlinePolicy ?? site?.offlinePolicy ?? ports.offlinePolicy
  const isAccepted = policy === 'accept' && hasRoomForTrust(state, ports.stationIds(), idToken)
  const status = isAccepted ? 'Accepted' : 'Invalid'
  return { idToken, status, source: 'offline-policy', offline: true }
}

function withTimeout<T>(clock: Clock, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const cancel = clock.after(ASK_TIMEOUT_MS, () => resolve(undefined))
    const settle = (value: T | undefined) => {
      cancel()
      resolve(value)
    }
    work.then(settle, () => settle(undefined))
  })
}

/** Its answer where the token is to start a session: a master pass ends sessions only (2.0.1 use case C16). */
export function statusToStart(state: StateReader, { status, groupId }: Authorization): TokenStatus {
  const masterPass = appliedDocument(state, 'site')?.authorization?.masterPassGroupId
  const isMasterPass = masterPass !== undefined && groupId?.toLowerCase() === masterPass.toLowerCase()
  return status === 'Accepted' && isMasterPass ? 'Blocked' : status
}

/** Accepted by the offline policy alone: the session is on trust (see offline-risk.ts). */
export function isOnTrust({ source, status }: Authorization): boolean {
  return source === 'offline-policy' && status === 'Accepted'
}

export function tokenDecided(
  stationId: string,
  { idToken, source, offline }: Authorization,
  status: string,
  certificateStatus?: string,
): FactDraft {
  const data = { idToken, status, source, offline }
  return {
    kind: 'token.decided',
    stationId,
    data: certificateStatus === undefined ? data : { ...data, certificateStatus },
  }
}

/** Where a token is used, and since when by the station's word. */
export interface TokenUse {
  stationId: string
  /** 0: the station has not said where. */
  evseId: number
  connectorId: number
  atMs: number
  /** The session that it is used for, where that runs already. */
  sessionId?: string | undefined
}

/**
 * Whether the token has a session running elsewhere: then a new one is recorded and answered ConcurrentTx (1.6 section 7.2; 2.x
 * AuthorizationStatusEnumType). What runs on the same connector ends with a start there (see start.ts): it is no second use.
 * `stationIds` are the stations to look at.
 */
export function isInUse(
  state: StateReader,
  stationIds: readonly string[],
  idToken: IdToken,
  use: TokenUse,
): boolean {
  // Whoever presses a start button or pays at a terminal has no token that another could use (C02, C24).
  if (idToken.type === 'NoAuthorization' || isPayment(idToken)) return false
  const isHere = (s: Session): boolean =>
    s.sessionId === use.sessionId ||
    (s.stationId === use.stationId &&
      use.evseId > 0 &&
      s.evseId === use.evseId &&
      s.connectorId === use.connectorId)
  return stationIds.some((stationId) =>
    runningSessions(state, stationId).some(
      (s) =>
        s.idToken !== undefined &&
        isSameToken(s.idToken, idToken) &&
        // One that was refused charges nothing, though the station has not ended it yet.
        s.authorization === 'Accepted' &&
        !isHere(s) &&
        s.connectorFree !== 'now' &&
        // A start out of a queue tells of an earlier time: it is no second use of now.
        s.startedAtMs <= use.atMs,
    ),
  )
}
