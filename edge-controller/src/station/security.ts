/**
 * OCPP security profiles of a station: 0 nothing, 1 basic auth, 2 TLS and basic auth, 3 TLS and a certificate of its own (2.0.1 Part 2,
 * A00; 1.6 security whitepaper). The lowest that it may connect with, and the passwords that are taken from it.
 */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { FactData } from '@switchyard/protocol/site/fact.ts'
import type { Draft, StateReader } from '../draft.ts'
import { stationEntry } from './settings.ts'
import { changeStation, stationOf } from './station.ts'

export type SecurityProfile = 0 | 1 | 2 | 3

/** What a connection was let in with. */
export interface Credential {
  profile: SecurityProfile
  /** The hash of the password that fitted; absent: none was asked for, or a certificate stood for it. */
  passwordHash?: string
  /** Serial number of the certificate that it showed. */
  certificate?: string
  /** Its common name. */
  certificateCn?: string
  /** When that ends, ms of the wall clock. */
  certificateEndsMs?: number
}
export const NO_CREDENTIAL: Credential = { profile: 0 }

/**
 * Hashes of the passwords that are taken: one, or several while a new one is on its way and was not used yet (A01), as it is not known
 * which of them the station holds.
 */
export function passwordsOf(state: StateReader, stationId: string): string[] {
  const { passwordHash, next, earlier = [] } = stationEntry(state, stationId) ?? {}
  if (next !== undefined && isProved(state, stationId, next.id)) return [next.passwordHash]
  const before = passwordHash === undefined ? earlier : [passwordHash, ...earlier]
  if (next === undefined || stationOf(state, stationId)?.givenUpRotation === next.id) return before
  return [...before, next.passwordHash]
}

/** Whether it must come with a password: not yet while its first one is on its way. */
export function isPasswordAsked(state: StateReader, stationId: string): boolean {
  const { passwordHash, next } = stationEntry(state, stationId) ?? {}
  return passwordHash !== undefined || (next !== undefined && isProved(state, stationId, next.id))
}

export function isProved(state: StateReader, stationId: string, rotation: string): boolean {
  return stationOf(state, stationId)?.provedRotation === rotation
}

/**
 * The lowest profile that the station may connect with: what an operator asks for, and never below the highest that it has
 * proved (A05: no way back but by an operator). 2.x has no profile 0; a station that is not accepted yet may knock with it,
 * and an operator or open onboarding may allow it.
 */
export function lowestProfile(
  state: StateReader,
  stationId: string,
  { version, isOpen }: { version: OcppVersion; isOpen: boolean },
): number {
  const entry = stationEntry(state, stationId)
  const station = stationOf(state, stationId)
  const isAccepted = entry?.approved ?? station?.approved ?? false
  const byVersion = version !== '1.6' && !isOpen && isAccepted ? 1 : 0
  const { profile = 0, reset } = station?.proved ?? {}
  // Without a password at the site there is no basic auth to ask for: taking it away was an operator's word.
  const isMoot = profile === 1 && !isPasswordAsked(state, stationId)
  const proved = reset === entry?.profileReset && !isMoot ? profile : 0
  return Math.max(entry?.minProfile ?? byVersion, proved)
}

/** Superseded certificates that a station is remembered for. */
export const MAX_SUPERSEDED = 10

/** A certificate that the site signed for the station, and that the station took: it stands beside the one before until a connection came with it. */
export function takeCertificate(
  draft: Draft,
  stationId: string,
  { outcome, serialNumber, notAfter }: FactData<'station.certificate'>,
  { before, change }: { before: string | undefined; change: string | undefined },
): void {
  if (outcome !== 'accepted' || serialNumber === undefined || notAfter === undefined) return
  changeStation(draft, stationId, (station) => ({
    ...station,
    certificate: {
      serialNumber,
      notAfter,
      ...(before === undefined ? {} : { before }),
      ...(change === undefined ? {} : { change }),
    },
  }))
}

/** A connection came with the newest certificate: the one before it is not taken any more. */
function takeCertificateProof(draft: Draft, stationId: string, shown: string): void {
  const { certificate, superseded = [] } = stationOf(draft, stationId) ?? {}
  if (!certificate || certificate.serialNumber !== shown || certificate.proved) return
  const { before, serialNumber } = certificate
  const gone = before === undefined || before === shown ? [] : [before]
  changeStation(draft, stationId, (station) => ({
    ...station,
    certificate: { ...certificate, proved: true },
    superseded: [...superseded, ...gone].slice(-MAX_SUPERSEDED),
  }))
  draft.fact({
    kind: 'station.certificate-proved',
    stationId,
    data: { serialNumber, ...(gone.length === 0 ? {} : { superseded: gone[0]! }) },
  })
}

/** Keeps the highest profile that the station has proved, and that a password or a certificate on its way was used. */
export function takeProof(
  draft: Draft,
  stationId: string,
  { profile, passwordHash, certificate }: Credential,
): void {
  if (certificate !== undefined) takeCertificateProof(draft, stationId, certificate)
  const entry = stationEntry(draft, stationId)
  const reset = entry?.profileReset
  changeStation(draft, stationId, (station) => {
    const before = station.proved?.reset === reset ? (station.proved?.profile ?? 0) : 0
    if (profile <= before) return station
    return { ...station, proved: { profile, ...(reset === undefined ? {} : { reset }) } }
  })
  const next = entry?.next
  if (next === undefined || next.passwordHash !== passwordHash) return
  if (isProved(draft, stationId, next.id)) return
  changeStation(draft, stationId, (station) => ({ ...station, provedRotation: next.id }))
  draft.fact({ kind: 'station.password-proved', stationId, data: { rotation: next.id } })
}

/** From now on the station may hold the new password of a rotation, whatever becomes of the command. */
export function beginSending(draft: Draft, stationId: string, rotation: string): void {
  changeStation(draft, stationId, (station) => ({ ...station, sentRotation: rotation }))
}

/** The new password of a rotation never came to the station: it is not taken any more. */
export function giveUpRotation(draft: Draft, stationId: string, rotation: string, reason: string): void {
  if (isProved(draft, stationId, rotation)) return
  changeStation(draft, stationId, (station) => ({ ...station, givenUpRotation: rotation }))
  draft.fact({
    kind: 'station.password-given-up',
    stationId,
    data: { rotation, reason: reason.slice(0, 500) },
  })
}

/** By the stations document, the certificate's common name of this station; its identity where nothing else is said. */
export function certificateNames(state: StateReader, stationId: string): string[] {
  const named = stationEntry(state, stationId)?.certificateCn
  return named === undefined ? [stationId] : [stationId, named]
}

/** Why a certificate of this serial number is not taken any more; undefined: it is. */
export function withdrawalOf(
  state: StateReader,
  stationId: string,
  serialNumber: string,
): string | undefined {
  if (stationEntry(state, stationId)?.revokedCertificates?.includes(serialNumber)) return 'was revoked'
  if (stationOf(state, stationId)?.superseded?.includes(serialNumber))
    return 'gave way to a newer one, which the station has used since'
  return undefined
}

/** Why a connection that was let in with this credential would not be let in now; undefined: it would. */
export function unfitness(
  state: StateReader,
  stationId: string,
  { profile, passwordHash, certificate, certificateCn }: Credential,
  fitting: { version: OcppVersion; isOpen: boolean },
): string | undefined {
  const withdrawn = certificate !== undefined && withdrawalOf(state, stationId, certificate)
  if (withdrawn) return `the certificate of this station ${withdrawn}`
  if (certificateCn !== undefined && !certificateNames(state, stationId).includes(certificateCn))
    return `the certificate of this connection is of ${certificateCn.slice(0, 64)}, not of this identity any more`
  const passwords = passwordsOf(state, stationId)
  if (
    profile < 3 &&
    isPasswordAsked(state, stationId) &&
    (passwordHash === undefined || !passwords.includes(passwordHash))
  )
    return 'the password of this station was changed'
  const lowest = lowestProfile(state, stationId, fitting)
  return profile < lowest
    ? `security profile ${lowest} is asked for, this connection has ${profile}`
    : undefined
}
