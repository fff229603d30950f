/** The profiles that a station holds, and the rules by which they come and go. */
import type { InstalledProfile, Profile, Purpose } from './profile.ts'
import type { SessionOrigin } from './resolve.ts'

/** Highest stack level that is taken (reported as ChargeProfileMaxStackLevel). */
export const MAX_STACK_LEVEL = 10
/** Profiles that are held at once (MaxChargingProfilesInstalled); one more is refused. */
export const MAX_PROFILES = 20
/** Periods in one schedule (ChargingScheduleMaxPeriods); a longer schedule is refused. */
export const MAX_PERIODS = 24

export interface InstallTarget {
  version: '1.6' | '2.0.1'
  connectorId: number
  connectorCount: number
  /** The session on that connector, with OCPP's id of it as far as it is known. */
  session?: SessionOrigin & { transactionId: string | null }
}

export interface ClearFilter {
  id?: number
  connectorId?: number
  purpose?: Purpose
  stackLevel?: number
}

export class ProfileStore {
  #installed: InstalledProfile[]

  constructor(installed: readonly InstalledProfile[] = []) {
    this.#installed = [...installed]
  }

  get installed(): readonly InstalledProfile[] {
    return this.#installed
  }

  /** Installs a profile, replacing the one with its id; returns why it is refused, if it is. */
  install(profile: Profile, target: InstallTarget): string | undefined {
    const { version, connectorId, connectorCount, session } = target
    const refusal = refuses(profile, target)
    if (refusal) return refusal
    const slot = (it: InstalledProfile) =>
      it.profile.purpose === profile.purpose &&
      it.profile.stackLevel === profile.stackLevel &&
      it.connectorId === connectorId &&
      it.profile.id !== profile.id
    // 1.6: the same stack level and purpose replaces. 2.0.1: it must carry the same id (K01.FR.05, FR.39).
    if (version === '2.0.1' && this.#installed.some(slot)) {
      return `stack level ${profile.stackLevel} of ${profile.purpose} is taken by another profile`
    }
    const kept = this.#installed.filter((it) => it.profile.id !== profile.id && !slot(it))
    if (kept.length >= MAX_PROFILES) return `${MAX_PROFILES} profiles are installed already`
    if (connectorId > connectorCount) return `connector ${connectorId} does not exist`
    this.#installed = [
      ...kept,
      {
        connectorId,
        profile,
        ...(profile.purpose === 'Tx' && session ? { sessionKey: session.sessionKey } : {}),
      },
    ]
    return undefined
  }

  /** Removes what the filter matches (an id alone, or all criteria given); returns how many. */
  clear(filter: ClearFilter): number {
    const matches = ({ connectorId, profile }: InstalledProfile) =>
      filter.id !== undefined
        ? profile.id === filter.id
        : (filter.connectorId === undefined || filter.connectorId === connectorId) &&
          (filter.purpose === undefined || filter.purpose === profile.purpose) &&
          (filter.stackLevel === undefined || filter.stackLevel === profile.stackLevel)
    return this.#remove(matches)
  }

  /** A TxProfile ends with its session (1.6 section 3.13.1). */
  endSession(sessionKey: string): void {
    this.#remove((it) => it.sessionKey === sessionKey)
  }

  #remove(matches: (it: InstalledProfile) => boolean): number {
    const before = this.#installed.length
    this.#installed = this.#installed.filter((it) => !matches(it))
    return before - this.#installed.length
  }
}

function refuses(profile: Profile, target: InstallTarget): string | undefined {
  const { connectorId, session } = target
  const { periods } = profile.schedule
  if (connectorId < 0 || connectorId > target.connectorCount) return `connector ${connectorId} does not exist`
  if (profile.stackLevel < 0 || profile.stackLevel > MAX_STACK_LEVEL) {
    return `stack level ${profile.stackLevel} is not within 0 to ${MAX_STACK_LEVEL}`
  }
  if (periods.length > MAX_PERIODS) return `more than ${MAX_PERIODS} periods`
  if (periods[0]?.startMs !== 0) return 'the first period does not start at 0'
  if (periods.some((it, index) => index > 0 && it.startMs <= periods[index - 1]!.startMs)) {
    return 'the periods do not ascend'
  }
  if (periods.some((it) => it.limit < 0)) return 'a limit is negative'
  if (profile.kind === 'Recurring' && profile.recurrency === undefined) return 'it recurs, without saying how'
  if (profile.kind === 'Recurring' && profile.schedule.startMs === undefined) {
    return 'it recurs, without a start'
  }
  switch (profile.purpose) {
    case 'StationMax':
      if (connectorId !== 0) return 'a maximum of the station belongs on connector 0'
      return profile.kind === 'Relative' ? 'a maximum of the station cannot be relative' : undefined
    case 'Tx':
      if (connectorId === 0) return 'a TxProfile needs a connector'
      if (!session) return `no transaction runs on connector ${connectorId}`
      if (profile.transactionId !== undefined && profile.transactionId !== session.transactionId) {
        return `transaction ${profile.transactionId} does not run on connector ${connectorId}`
      }
      return undefined
    case 'TxDefault':
      return undefined
  }
}
