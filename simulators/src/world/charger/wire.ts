/** A charger's side of OCPP-J: one call of its own at a time, answers to the site's calls at once. */
import type { Random } from '../../random.ts'
import { Line, type LineEnd } from '../network/line.ts'
import type { Stage } from '../stage.ts'
import type { Call } from './dialect.ts'

const ANSWER_TIMEOUT_MS = 30_000
const RETRY_FIRST_MS = 2_000
const RETRY_LAST_MS = 40_000

export type Answer = { ok: true; payload: Record<string, unknown> } | { ok: false; code: string }

export interface WireOptions {
  id: string
  stage: Stage
  random: Random
  /** Offers a line to the site; false: nobody takes it. */
  connect(line: Line): Promise<boolean>
  onUp(): void
  onDown(): void
  /** A call of the site; undefined: it is not known. */
  onCall(action: string, payload: Record<string, unknown>): object | undefined
}

export class Wire {
  readonly #options: WireOptions
  #line: Line | undefined
  #end: LineEnd | undefined
  #isUp = false
  #isWanted = false
  #pending: { id: string; settle: (answer: Answer | undefined) => void } | undefined
  #calls = 0

  constructor(options: WireOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get isIdle(): boolean {
    return this.#isUp && !this.#pending
  }

  /** For faults. */
  get line(): Line | undefined {
    return this.#line
  }

  open(): void {
    this.#isWanted = true
    if (!this.#line) void this.#connect()
  }

  /** The charger loses power: it hears nothing any more. */
  drop(): void {
    this.#isWanted = false
    const end = this.#end
    this.#lost()
    end?.close(true)
  }

  freshId(): string {
    return `${this.#options.id}-${++this.#calls}`
  }

  /** Undefined: no answer, and none will come. A second call while one waits is a mistake of the caller. */
  call(id: string, { action, payload }: Call): Promise<Answer | undefined> {
    const { stage } = this.#options
    return new Promise((resolve) => {
      if (!this.#end || !this.#isUp) return resolve(undefined)
      const cancel = stage.after(ANSWER_TIMEOUT_MS, () => {
        if (this.#pending?.id !== id) return
        // Silence: the line is of no use as it is.
        const end = this.#end
        this.#lost()
        end?.close(true)
        this.#retry()
      })
      this.#pending = {
        id,
        settle: (answer) => {
          cancel()
          this.#pending = undefined
          resolve(answer)
        },
      }
      this.#end.send(JSON.stringify([2, id, action, payload]))
    })
  }

  async #connect(): Promise<void> {
    const { stage, random, connect } = this.#options
    const line = new Line(stage, random, {
      onText: (text) => {
        if (this.#line === line) this.#received(text)
      },
      onClose: () => {
        if (this.#line !== line) return
        this.#lost()
        this.#retry()
      },
    })
    this.#line = line
    this.#end = line.chargerEnd
    const isTaken = await connect(line)
    if (this.#line !== line) return
    if (!isTaken) {
      this.#lost()
      this.#retry()
      return
    }
    this.#isUp = true
    this.#options.onUp()
  }

  #lost(): void {
    const wasUp = this.#isUp
    this.#line = undefined
    this.#end = undefined
    this.#isUp = false
    this.#pending?.settle(undefined)
    if (wasUp) this.#options.onDown()
  }

  #retry(): void {
    const { stage, random } = this.#options
    stage.after(random.int(RETRY_FIRST_MS, RETRY_LAST_MS), () => {
      if (this.#isWanted && !this.#line) void this.#connect()
    })
  }

  #received(text: string): void {
    const [type, id, ...rest] = JSON.parse(text) as [number, string, ...unknown[]]
    if (type === 2) {
      const reply = this.#options.onCall(String(rest[0]), rest[1] as Record<string, unknown>)
      const frame = reply ? [3, id, reply] : [4, id, 'NotImplemented', '', {}]
      this.#end?.send(JSON.stringify(frame))
    } else if (this.#pending?.id === id) {
      this.#pending.settle(
        type === 3
          ? { ok: true, payload: rest[0] as Record<string, unknown> }
          : { ok: false, code: String(rest[0]) },
      )
    }
  }
}
