/** Whether a station may open a connection: onboarding, its certificate (OCPP security profile 3) or its password (1 and 2: HTTP basic auth), and the lowest profile that it may come with. */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { StateReader } from '../draft.ts'
import type { PasswordCheck, PasswordVerdict } from '../station/password.ts'
import { isToBeForgotten } from '../station/removal.ts'
import {
  type Credential,
  certificateNames,
  isPasswordAsked,
  lowestProfile,
  passwordsOf,
  withdrawalOf,
} from '../station/security.ts'
import { stationEntry } from '../station/settings.ts'
import { stationOf } from '../station/station.ts'

/** closed: only known stations; approve: a new one boots as Pending; open: a new one is accepted. */
export type Onboarding = 'open' | 'approve' | 'closed'

/** Identities as OCPP 2.0.1 allows them (48 characters), and what 1.6 stations use beside: never a slash or a control character, nor what a URL takes for a folder. */
export const STATION_ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9 *\-_=:+|@.()#,;!~$&']{1,48}$/

export type Admission =
  | { ok: true; credential: Credential }
  | { ok: false; status: 401 | 404 | 429 | 503; reason: string }
type Refused = Extract<Admission, { ok: false }>

/** A station's certificate, shown in the TLS handshake: in its time, and of a CA that the site trusts; else `fault` says why not. */
export interface ShownCertificate {
  fault?: string
  commonName: string
  /** Hex, upper case. */
  serialNumber: string
  /** When it ends, ms of the wall clock. */
  endsMs: number
}

export interface Knock {
  /** As decoded from the URL. */
  stationId: string
  /** As it stands in the URL: some stations use it as user name. */
  rawId: string
  /** Network address. */
  remote: string
  version: OcppVersion
  /** The Authorization header. */
  authorization?: string | undefined
  /** It came over TLS. */
  tls?: { certificate?: ShownCertificate | undefined } | undefined
}

export async function admit(
  state: StateReader,
  onboarding: Onboarding,
  passwords: PasswordCheck,
  knock: Knock,
): Promise<Admission> {
  const { stationId } = knock
  const isOpen = onboarding === 'open'
  if (!STATION_ID_PATTERN.test(stationId))
    return { ok: false, status: 404, reason: 'the identity in the path is none that a station can have' }
  if (onboarding === 'closed' && !stationEntry(state, stationId) && !knownStation(state, stationId))
    return { ok: false, status: 404, reason: 'unknown station, and onboarding is closed' }
  const shown = knock.tls?.certificate
  const unfit = shown && faultOf(state, stationId, shown)
  if (unfit) return unauthorized(unfit)

  const fitting = { version: knock.version, isOpen }
  const lowest = lowestProfile(state, stationId, fitting)
  if (shown) {
    const { serialNumber: certificate, commonName: certificateCn, endsMs: certificateEndsMs } = shown
    return { ok: true, credential: { profile: 3, certificate, certificateCn, certificateEndsMs } }
  }
  const reachable = mayProvePassword(state, knock) ? (knock.tls ? 2 : 1) : 0
  if (reachable < lowest) return unauthorized(tooLow(lowest, reachable))
  if (reachable === 0) return { ok: true, credential: { profile: 0 } }

  const admission = await admitByPassword(state, passwords, knock, reachable)
  // Its first password is on its way, and until it was used nobody asks for one.
  const isBorne = !admission.ok && lowest === 0 && !isPasswordAsked(state, stationId)
  return isBorne ? { ok: true, credential: { profile: 0 } } : admission
}

/** Whether a password is asked for, or one on its way may be shown. */
function mayProvePassword(state: StateReader, { stationId, authorization }: Knock): boolean {
  if (isPasswordAsked(state, stationId)) return true
  return authorization !== undefined && passwordsOf(state, stationId).length > 0
}

async function admitByPassword(
  state: StateReader,
  passwords: PasswordCheck,
  knock: Knock,
  profile: 1 | 2,
): Promise<Admission> {
  const { stationId } = knock
  const credentials = readBasic(knock.authorization)
  if (!credentials) return unauthorized('this station has a password: basic auth is asked for')
  const password = passwordFor(credentials, knock)
  if (password === undefined) return unauthorized('the user name is not the identity')
  const verdict = await passwords.verify(knock, spellingsOf(password), passwordsOf(state, stationId))
  if (typeof verdict === 'string') return REFUSALS[verdict]
  // It may have been changed while it was being verified.
  if (!passwordsOf(state, stationId).includes(verdict.fits)) return REFUSALS.wrong
  return { ok: true, credential: { profile, passwordHash: verdict.fits } }
}

/** Why a certificate does not let this identity in (2.0.1 A00: the common name is the station's serial number). */
function faultOf(state: StateReader, stationId: string, shown: ShownCertificate): string | undefined {
  if (shown.fault !== undefined) return `the certificate is not valid here: ${shown.fault}`
  if (!certificateNames(state, stationId).includes(shown.commonName))
    return `the certificate is of ${shown.commonName.slice(0, 64)}, not of this identity`
  const withdrawn = withdrawalOf(state, stationId, shown.serialNumber)
  return withdrawn && `the certificate ${withdrawn}`
}

/** One that was removed and not forgotten yet is none. */
function knownStation(state: StateReader, stationId: string): boolean {
  return stationOf(state, stationId) !== undefined && !isToBeForgotten(state, stationId)
}

function tooLow(lowest: number, reachable: number): string {
  const missing =
    reachable === 0 && lowest === 1
      ? 'give the station a password first'
      : 'connect with TLS, and a password or a certificate'
  return `this station must connect with security profile ${lowest} at least, this is ${reachable}: ${missing}`
}

function unauthorized(reason: string): Refused {
  return { ok: false, status: 401, reason }
}

const REFUSALS: Record<Exclude<PasswordVerdict, object>, Refused> = {
  wrong: { ok: false, status: 401, reason: 'wrong password' },
  busy: { ok: false, status: 503, reason: 'too many stations are being authenticated' },
  'too-soon': { ok: false, status: 429, reason: 'too many wrong passwords: wait a minute' },
}

/** Longest header that is read: a user name of 48 characters, url-encoded, and a password of 64. */
const BASIC_MAX_CHARS = 1024

/** `user:password`, as sent: the bytes, one a character. */
function readBasic(header: string | undefined): string | undefined {
  const match = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header?.slice(0, BASIC_MAX_CHARS).trim() ?? '')
  return match ? Buffer.from(match[1]!, 'base64').toString('latin1') : undefined
}

/** An identity may hold colons, so the user name is known by its length. */
function passwordFor(credentials: string, { stationId, rawId }: Knock): string | undefined {
  for (const user of [stationId, rawId])
    if (credentials.startsWith(`${user}:`)) return credentials.slice(user.length + 1)
  return undefined
}

/** What a key of 1.6 stands for. */
const KEY_BYTES = 20
const PRINTABLE = /^[\x20-\x7e]*$/

/**
 * The password as sent (bytes, one a character); decoded where a station has url-encoded it; and as hex digits where it is what an
 * AuthorizationKey of 40 hex digits stands for: a station of 1.6 may read its key so (OCPP-J 1.6 section 6.2), or as text (its security whitepaper).
 */
function spellingsOf(sent: string): string[] {
  const bytes = Buffer.from(sent, 'latin1')
  const password = bytes.toString('utf8')
  if (bytes.length === KEY_BYTES && !PRINTABLE.test(sent)) {
    const hex = bytes.toString('hex')
    return [password, hex.toUpperCase(), hex]
  }
  if (!password.includes('%')) return [password]
  try {
    const decoded = decodeURIComponent(password)
    return decoded === password ? [password] : [password, decoded]
  } catch {
    return [password]
  }
}
