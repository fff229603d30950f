/** Whether a station may open a connection: onboarding, then its password (OCPP security profiles 1 and 2: HTTP basic auth). */
import type { StateReader } from '../draft.ts'
import type { PasswordCheck, PasswordVerdict } from '../station/password.ts'
import { stationEntry } from '../station/settings.ts'
import { stationOf } from '../station/station.ts'

/** closed: only known stations; approve: a new one boots as Pending; open: a new one is accepted. */
export type Onboarding = 'open' | 'approve' | 'closed'

/** Identities as OCPP 2.0.1 allows them (48 characters), and what 1.6 stations use beside: never a slash or a control character, nor what a URL takes for a folder. */
export const STATION_ID_PATTERN = /^(?!\.{1,2}$)[A-Za-z0-9 *\-_=:+|@.()#,;!~$&']{1,48}$/

export type Admission = { ok: true } | { ok: false; status: 401 | 404 | 429 | 503; reason: string }

export interface Knock {
  /** As decoded from the URL. */
  stationId: string
  /** As it stands in the URL: some stations use it as user name. */
  rawId: string
  /** Network address. */
  remote: string
  /** The Authorization header. */
  authorization?: string | undefined
}

export async function admit(
  state: StateReader,
  onboarding: Onboarding,
  passwords: PasswordCheck,
  knock: Knock,
): Promise<Admission> {
  const { stationId } = knock
  if (!STATION_ID_PATTERN.test(stationId))
    return { ok: false, status: 404, reason: 'the identity in the path is none that a station can have' }
  const entry = stationEntry(state, stationId)
  if (onboarding === 'closed' && !entry && !stationOf(state, stationId))
    return { ok: false, status: 404, reason: 'unknown station, and onboarding is closed' }
  if (entry?.passwordHash === undefined) return { ok: true }

  const credentials = readBasic(knock.authorization)
  if (!credentials)
    return { ok: false, status: 401, reason: 'this station has a password: basic auth is asked for' }
  const password = passwordFor(credentials, knock)
  if (password === undefined) return { ok: false, status: 401, reason: 'the user name is not the identity' }
  const verdict = await passwords.verify(knock, spellingsOf(password), entry.passwordHash)
  if (verdict !== 'fits') return REFUSALS[verdict]
  // It may have been changed while it was being verified.
  return stationEntry(state, stationId)?.passwordHash === entry.passwordHash ? { ok: true } : REFUSALS.wrong
}

const REFUSALS: Record<Exclude<PasswordVerdict, 'fits'>, Admission> = {
  wrong: { ok: false, status: 401, reason: 'wrong password' },
  busy: { ok: false, status: 503, reason: 'too many stations are being authenticated' },
  'too-soon': { ok: false, status: 429, reason: 'too many wrong passwords: wait a minute' },
}

/** Longest header that is read: a user name of 48 characters, url-encoded, and a password of 64. */
const BASIC_MAX_CHARS = 1024

/** `user:password`, as sent. */
function readBasic(header: string | undefined): string | undefined {
  const match = /^basic +([A-Za-z0-9+/=_-]+)$/i.exec(header?.slice(0, BASIC_MAX_CHARS).trim() ?? '')
  return match ? Buffer.from(match[1]!, 'base64').toString('utf8') : undefined
}

/** An identity may hold colons, so the user name is known by its length. */
function passwordFor(credentials: string, { stationId, rawId }: Knock): string | undefined {
  for (const user of [stationId, rawId])
    if (credentials.startsWith(`${user}:`)) return credentials.slice(user.length + 1)
  return undefined
}

/** The password as sent, and decoded where a station has url-encoded it. */
function spellingsOf(password: string): string[] {
  if (!password.includes('%')) return [password]
  try {
    const decoded = decodeURIComponent(password)
    return decoded === password ? [password] : [password, decoded]
  } catch {
    return [password]
  }
}
