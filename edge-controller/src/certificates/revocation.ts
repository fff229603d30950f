/**
 * Whether certificates were revoked, as OCSP responders have said: asked by way of the cloud, checked here (by whom an answer is signed
 * must be the issuer, or appointed by it), and held at the site, so that it is known also with the cloud gone. Held answers are asked
 * again before they end.
 */
import { createHash } from 'node:crypto'
import type { OcspAnswer } from '@switchyard/protocol/certificates/ocsp.ts'
import type { Json } from '@switchyard/protocol/json.ts'
import type { StatusQuestion } from '@switchyard/protocol/site/certificate-question.ts'
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

/** Good and Revoked as RFC 6960 has them; a responder that does not know the certificate has said nothing. */
export type RevocationStatus = 'Good' | 'Revoked'

interface HeldStatus {
  question: StatusQuestion
  /** DER of the issuer that the answer was checked by, base64; absent: it came with the answer. */
  issuer?: string
  status: RevocationStatus
  askedMs: number
  untilMs: number
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
   * What is held and valid, else what the responder says now; undefined where no answer is to be had. What was revoked stays so until a
   * newer answer says otherwise. `issuers` (DER): among them is who may sign the answer. Never rejects.
   */
  async statusOf(
    stationId: string,
    question: StatusQuestion,
    issuers: readonly Uint8Array[],
  ): Promise<RevocationStatus | undefined> {
    const nowMs = this.#ports.clock.now()
    const key = keyOf(question)
    const held = this.#ports.state.get<HeldStatus>(STATUS_KIND, key)
    if (held && nowMs - held.usedMs > USED_GRAIN_MS) await this.#keep(key, { ...held, usedMs: nowMs })
    if (held && held.askedMs <= nowMs && nowMs < held.untilMs) return held.status
    const asked = await this.#ask(stationId, question, issuers)
    if (asked) await this.#keep(key, { ...asked, usedMs: nowMs })
    return asked?.status ?? (held?.status === 'Revoked' ? 'Revoked' : undefined)
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
    for (const { question } of unused) await this.#write([], [keyOf(question)])
    const due = held
      .filter((it) => !unused.includes(it) && nowMs >= (it.askedMs + it.untilMs) / 2)
      .sort((a, b) => a.untilMs - b.untilMs)
    for (const before of due.slice(0, MAX_REFRESHED)) {
      const issuers = before.issuer === undefined ? [] : [Buffer.from(before.issuer, 'base64')]
      const asked = await this.#ask('', before.question, issuers)
      // No link, or a responder that is down: the next round tries again.
      if (!asked) continue
      await this.#keep(keyOf(before.question), { ...asked, usedMs: before.usedMs })
    }
  }

  async #ask(
    stationId: string,
    question: StatusQuestion,
    issuers: readonly Uint8Array[],
  ): Promise<Omit<HeldStatus, 'usedMs'> | undefined> {
    const { clock, log, askCertificates } = this.#ports
    const reply = await askCertificates?.(stationId, question)
    if (!reply || !('ocspResult' in reply)) return undefined
    const nowMs = clock.now()
    try {
      const { isIssuerOf, isVouchedFor, readOcspAnswer } = await import(
        '@switchyard/protocol/certificates/ocsp.ts'
      )
      const answer = readOcspAnswer(Buffer.from(reply.ocspResult, 'base64'), question, nowMs)
      if (answer.status === 'Unknown') throw new Error('the responder does not know this certificate')
      if (!(await isVouchedFor(answer, question, issuers, nowMs)))
        throw new Error('the answer is not signed by the issuer, nor by whom it has appointed')
      const isIssuer = await Promise.all(issuers.map((it) => isIssuerOf(it, question)))
      const issuer = issuers.find((_, i) => isIssuer[i])
      return {
        question,
        ...(issuer === undefined ? {} : { issuer: Buffer.from(issuer).toString('base64') }),
        status: answer.status,
        askedMs: nowMs,
        untilMs: until(answer, nowMs),
      }
    } catch (error) {
      const { responderUrl, serialNumber } = question
      log.warn(
        {
          stationId,
          responderUrl: responderUrl.slice(0, 200),
          serialNumber,
          reason: (error as Error).message,
        },
        'the status of a certificate cannot be taken',
      )
      return undefined
    }
  }

  #keep(key: string, status: HeldStatus): Promise<void> {
    const others = this.#ports.state.list<HeldStatus>(STATUS_KIND).filter((it) => keyOf(it.question) !== key)
    const surplus = others
      .sort((a, b) => a.usedMs - b.usedMs)
      .slice(0, Math.max(0, others.length + 1 - MAX_HELD_STATUSES))
    return this.#write(
      [{ kind: STATUS_KIND, id: key, value: status as unknown as Json }],
      surplus.map((it) => keyOf(it.question)),
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

function until({ nextUpdateMs }: OcspAnswer, nowMs: number): number {
  return Math.min(nextUpdateMs ?? nowMs + HELD_WITHOUT_END_MS, nowMs + MAX_HELD_MS)
}

/** The certificate, not its responder: whoever vouches for an answer is checked, wherever it came from. */
function keyOf({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: StatusQuestion): string {
  const id = [hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber].join('/').toLowerCase()
  return createHash('sha256').update(id).digest('hex').slice(0, 32)
}
