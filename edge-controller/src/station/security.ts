/**
 * OCPP security profiles of a station: 0 nothing, 1 basic auth, 2 TLS and basic auth, 3 TLS and a certificate of its own (2.0.1 Part 2,
 * A00; 1.6 security whitepaper). The lowest that it may connect with, and the passwords that are taken from it.
 */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
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
}
export const NO_CREDENTIAL: Credential = { profile: 0 }

/** Hashes of the passwords that are taken: one, or two while a new one is on its way and was not used yet (A01). None: no password is asked for. */
export function passwordsOf(state: StateReader, stationId: string): string[] {
  const { passwordHash, next } = stationEntry(state, stationId) ?? {}
  if (next === undefined) return passwordHash === undefined ? [] : [passwordHash]
  const isProved = stationOf(state, stationId)?.provedRotation === next.id
  return passwordHash === undefined || isProved ? [next.passwordHash] : [passwordHash, next.passwordHash]
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
  const isMoot = profile === 1 && passwordsOf(state, stationId).length === 0
  const proved = reset === entry?.profileReset && !isMoot ? profile : 0
  return Math.max(entry?.minProfile ?? byVersion, proved)
}

/** Keeps the highest profile that the station has proved, and that a password on its way was used. */
export function takeProof(draft: Draft, stationId: string, { profile, passwordHash }: Credential): void {
  const entry = stationEntry(draft, stationId)
  const reset = entry?.profileReset
  changeStation(draft, stationId, (station) => {
    const before = station.proved?.reset === reset ? (station.proved?.profile ?? 0) : 0
    if (profile <= before) return station
    return { ...station, proved: { profile, ...(reset === undefined ? {} : { reset }) } }
  })
  const next = entry?.next
  if (next === undefined || next.passwordHash !== passwordHash) return
  if (stationOf(draft, stationId)?.provedRotation === next.id) return
  changeStation(draft, stationId, (station) => ({ ...station, provedRotation: next.id }))
  draft.fact({ kind: 'station.password-proved', stationId, data: { rotation: next.id } })
}

/** By the stations document, the certificate's common name of this station; its identity where nothing else is said. */
export function certificateNames(state: StateReader, stationId: string): string[] {
  const named = stationEntry(state, stationId)?.certificateCn
  return named === undefined ? [stationId] : [stationId, named]
}

export function isRevoked(state: StateReader, stationId: string, serialNumber: string): boolean {
  return stationEntry(state, stationId)?.revokedCertificates?.includes(serialNumber) ?? false
}

/** Why a connection that was let in with this credential would not be let in now; undefined: it would. */
export function unfitness(
  state: StateReader,
  stationId: string,
  { profile, passwordHash, certificate }: Credential,
  fitting: { version: OcppVersion; isOpen: boolean },
): string | undefined {
  if (certificate !== undefined && isRevoked(state, stationId, certificate))
    return 'the certificate of this station was revoked'
  const passwords = passwordsOf(state, stationId)
  const isAsked = profile < 3 && passwords.length > 0
  if (isAsked && (passwordHash === undefined || !passwords.includes(passwordHash)))
    return 'the password of this station was changed'
  const lowest = lowestProfile(state, stationId, fitting)
  return profile < lowest
    ? `security profile ${lowest} is asked for, this connection has ${profile}`
    : undefined
}
