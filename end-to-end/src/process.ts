/** A child process of a test: started, awaited by a condition, killed by pid, never left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long any condition of a test may take before the test fails with what it saw. */
export const CONDITION_TIMEOUT_MS = 60_000
/** How often a condition is looked at. */
const LOOK_EVERY_MS = 50
/** Lines of output that are kept to be shown on a failure. */
const KEPT_LINES = 400

export interface Spawning {
  cwd?: string
  uid?: number
  gid?: number
  /** Everything that it writes. */
  onOutput?: (data: Buffer) => void
  onExit?: (code: number | null, signal: NodeJS.Signals | null) => void
}

export class Program {
  readonly name: string
  readonly #command: string[]
  readonly #env: Record<string, string>
  readonly #spawning: Spawning
  #child: ChildProcess | undefined
  readonly output: string[] = []

  constructor(name: string, command: string[], env: Record<string, string>, spawning: Spawning = {}) {
    this.name = name
    this.#command = command
    this.#env = env
    this.#spawning = spawning
  }

  start(): void {
    const [file, ...args] = this.#command
    const { onOutput, onExit, ...options } = this.#spawning
    const child = spawn(file!, args, {
      ...options,
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (data: Buffer) => {
      onOutput?.(data)
      this.output.push(...data.toString().split('\n').filter(Boolean))
      this.output.splice(0, Math.max(0, this.output.length - KEPT_LINES))
    }
    child.stdout!.on('data', keep)
    child.stderr!.on('data', keep)
    child.on('exit', (code, signal) => onExit?.(code, signal))
    this.#child = child
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (!child || !this.running) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }

  /** A signal that is not waited for; none where nothing runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child?.kill(signal)
  }

  /** As a power cut does. */
  kill(): Promise<void> {
    return this.end('SIGKILL')
  }

  async stop(): Promise<void> {
    const forced = setTimeout(() => this.#child?.kill('SIGKILL'), 15_000)
    this.signal('SIGCONT')
    await this.end('SIGTERM')
    clearTimeout(forced)
  }
}

/** Waits until `look` gives something, and says what was waited for when it does not come. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = CONDITION_TIMEOUT_MS,
): Promise<T> {
  const until = performance.now() + timeoutMs
  let last: unknown
  while (performance.now() < until) {
    try {
      const value = await look()
      if (value !== undefined && value !== false) return value
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(LOOK_EVERY_MS)
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}${last ? `: ${last}` : ''}`)
}
