/**
 * Whether certificates were revoked, as OCSP responders and lists of revoked certificates say: asked by way of the cloud, checked here (who
 * has signed must be the issuer, or appointed by it), and held at the site, so that it is known also with the cloud gone. Held answers are asked
 * again before they end.
 */
import { createHash } from 'node:crypto'
import type { CertificateId } from '@switchyard/protocol/certificates/certificate-id.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { CertificateQuestion } from '@switchyard/protocol/site/certificate-question.ts'
import type { CentralSystemPorts } from '../central-system-ports.ts'
import type { Clock, Log } from '../ports.ts'
import { NOTHING, type SiteState } from '../site-state.ts'

const STATUS_KIND = 'certificate.status'
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Answers that a site holds; beyond it the one that was used longest ago goes. */
export const MAX_HELD_STATUSES = 1_000
/** No answer counts for longer, whatever its responder says (as M07 bounds it for stations). */
export const MAX_HELD_MS = 7 * DAY_MS
/** An answer without an end counts for so long. */
export const HELD_WITHOUT_END_MS = DAY_MS
/** One that nobody has used for so long is not asked again, and goes. */
export const FORGET_UNUSED_MS = 30 * DAY_MS
/** Answers are asked again in rounds, so many in one. */
export const REFRESH_EVERY_MS = 10 * 60_000
export const MAX_REFRESHED = 20
/** When it was used is written down once in so long. */
const USED_GRAIN_MS = DAY_MS

/** A certificate, and where it can be learnt whether it was revoked. */
export interface RevocationSource extends CertificateId {
  source: 'OCSP' | 'CRL'
  url: string
}

export interface RevocationStatus {
  /** As RFC 6960 has them; Unknown: the responder does not know the certificate. */
  status: 'Good' | 'Revoked' | 'Unknown'
  /** The answer counts until then, epoch ms. */
  untilMs: number
}

interface HeldStatus extends RevocationStatus {
  about: RevocationSource
  /** DER of the issuer that the answer was checked by, base64; absent: it came with the answer. */
  issuer?: string
  askedMs: number
  usedMs: number
}

export interface RevocationPorts {
  state: SiteState
  clock: Clock
  log: Log
  askCertificates?: CentralSystemPorts['askCertificates']
}

export class Revocations {
  readonly #ports: RevocationPorts
  #refreshedAtMs = Number.NEGATIVE_INFINITY
  #refreshing = false

  constructor(ports: RevocationPorts) {
    this.#ports = ports
  }

  /**
   * What is held and valid, else what is said now; undefined where no answer is to be had. What was revoked stays so until a newer
   * answer says otherwise. `issuers` (DER): among them is who may sign the answer. Never rejects.
   */
  async statusOf(
    stationId: string,
    about: RevocationSource,
    issuers: readonly Uint8Array[],
  ): Promise<RevocationStatus | undefined> {
    const nowMs = this.#ports.clock.now()
    const key = keyOf(about)
    const held = this.#ports.state.get<HeldStatus>(STATUS_KIND, key)
    if (held && nowMs - held.usedMs > USED_GRAIN_MS) await this.#keep({ ...held, usedMs: nowMs })
    if (held && held.askedMs <= nowMs && nowMs < held.untilMs) return held
    const asked = await this.#ask(stationId, about, issuers)
    // What nobody knows may be known in a minute.
    if (asked?.status === 'Unknown') return asked
    if (asked) await this.#keep({ ...asked, usedMs: nowMs })
    return asked ?? (held?.status === 'Revoked' ? held : undefined)
  }

  /** To be called now and then: asks again for answers of which half the time is over, while the cloud can be asked. */
  refresh(): void {
    const monoMs = this.#ports.clock.mono()
    if (this.#refreshing || monoMs - this.#refreshedAtMs < REFRESH_EVERY_MS) return
    this.#refreshedAtMs = monoMs
    this.#refreshing = true
    void this.#refresh().finally(() => {
      this.#refreshing = false
    })
  }

  async #refresh(): Promise<void> {
    const { state, clock } = this.#ports
    const nowMs = clock.now()
    const held = state.list<HeldStatus>(STATUS_KIND)
    const unused = held.filter((it) => nowMs - it.usedMs > FORGET_UNUSED_MS)
    for (const { about } of unused) await this.#write([], [keyOf(about)])
    const due = held
      .filter((it) => !unused.includes(it) && nowMs >= (it.askedMs + it.untilMs) / 2)
      .sort((a, b) => a.untilMs - b.untilMs)
    for (const before of due.slice(0, MAX_REFRESHED)) {
      const issuers = before.issuer === undefined ? [] : [Buffer.from(before.issuer, 'base64')]
      const asked = await this.#ask('', before.about, issuers)
      // No link, or a responder that is down: the next round tries again.
      if (asked && asked.status !== 'Unknown') await this.#keep({ ...asked, usedMs: before.usedMs })
    }
  }

  async #ask(
    stationId: string,
    about: RevocationSource,
    issuers: readonly Uint8Array[],
  ): Promise<Omit<HeldStatus, 'usedMs'> | undefined> {
    const { clock, log, askCertificates } = this.#ports
    const reply = await askCertificates?.(stationId, questionOf(about))
    const der = reply && ('ocspResult' in reply ? reply.ocspResult : 'crl' in reply ? reply.crl : undefined)
    if (der === undefined) return undefined
    const askedMs = clock.now()
    try {
      const [{ status, nextUpdateMs }, issuer] = await Promise.all([
        read(about, Buffer.from(der, 'base64'), issuers, askedMs),
        issuerAmong(issuers, about),
      ])
      return {
        about,
        ...(issuer === undefined ? {} : { issuer: Buffer.from(issuer).toString('base64') }),
        status,
        askedMs,
        untilMs: Math.min(nextUpdateMs ?? askedMs + HELD_WITHOUT_END_MS, askedMs + MAX_HELD_MS),
      }
    } catch (error) {
      const { url, serialNumber } = about
      const told = { stationId, url: url.slice(0, 200), serialNumber, reason: (error as Error).message }
      log.warn(told, 'the status of a certificate cannot be taken')
      return undefined
    }
  }

  #keep(status: HeldStatus): Promise<void> {
    const key = keyOf(status.about)
    const others = this.#ports.state.list<HeldStatus>(STATUS_KIND).filter((it) => keyOf(it.about) !== key)
    const surplus = others
      .sort((a, b) => a.usedMs - b.usedMs)
      .slice(0, Math.max(0, others.length + 1 - MAX_HELD_STATUSES))
    return this.#write(
      [{ kind: STATUS_KIND, id: key, value: status as unknown as Json }],
      surplus.map((it) => keyOf(it.about)),
    )
  }

  /** It is a cache: what cannot be written (a full disk) is asked again. A failed journal is told by who decides next. */
  async #write(puts: { kind: string; id: string; value: Json }[], deletes: string[]): Promise<void> {
    try {
      await this.#ports.state.commit({
        ...NOTHING,
        puts,
        deletes: deletes.map((id) => ({ kind: STATUS_KIND, id })),
      })
    } catch (error) {
      this.#ports.log.warn({ error }, 'the status of a certificate was not kept')
    }
  }
}

function questionOf({ source, url, ...id }: RevocationSource): CertificateQuestion {
  return source === 'CRL' ? { kind: 'crl', url } : { kind: 'status', ...id, responderUrl: url }
}

/** What the answer says, where somebody vouches for it; else throws. What reads ASN.1 is loaded with the first answer. */
async function read(
  about: RevocationSource,
  der: Uint8Array,
  issuers: readonly Uint8Array[],
  nowMs: number,
): Promise<{ status: RevocationStatus['status']; nextUpdateMs?: number }> {
  if (about.source === 'CRL') {
    const { readRevocationList } = await import('@switchyard/protocol/certificates/revocation-list.ts')
    return readRevocationList(der, about, issuers, nowMs)
  }
  const { isVouchedFor, readOcspAnswer } = await import('@switchyard/protocol/certificates/ocsp.ts')
  const answer = readOcspAnswer(der, about, nowMs)
  if (await isVouchedFor(answer, about, issuers, nowMs)) return answer
  throw new Error('the answer is not signed by the issuer, nor by whom it has appointed')
}

async function issuerAmong(issuers: readonly Uint8Array[], id: CertificateId) {
  const { isIssuerOf } = await import('@switchyard/protocol/certificates/certificate-id.ts')
  const isIssuer = await Promise.all(issuers.map((it) => isIssuerOf(it, id)))
  return issuers.find((_, i) => isIssuer[i])
}

/** The certificate, not who speaks of it: whoever vouches for an answer is checked, wherever it came from. */
function keyOf({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: CertificateId): string {
  const id = [hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber].join('/').toLowerCase()
  return createHash('sha256').update(id).digest('hex').slice(0, 32)
}
