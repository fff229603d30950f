/**
 * A program that is kept running, as a service manager would: what ends by itself is started again, what a fault holds down
 * stays down until it is released. Everything it writes goes to a file.
 */
import { createWriteStream, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { Program, type Spawning } from '../src/process.ts'

/** What ended by itself is started again after this. */
const RESTART_MS = 1_000

export interface KeptOptions {
  name: string
  command: string[]
  env: Record<string, string>
  logs: string
  spawning?: Spawning
  /** Told when it ends though nobody made it. */
  onUnexpected(name: string, how: string): void
}

export class Kept {
  readonly name: string
  readonly program: Program
  readonly #log: WriteStream
  readonly #onUnexpected: KeptOptions['onUnexpected']
  #holds = 0
  #wanted = false
  #restart: NodeJS.Timeout | undefined

  constructor({ name, command, env, logs, spawning, onUnexpected }: KeptOptions) {
    this.name = name
    this.#log = createWriteStream(join(logs, `${name}.log`), { flags: 'a' })
    this.#onUnexpected = onUnexpected
    this.program = new Program(name, command, env, {
      ...spawning,
      onOutput: (data) => this.#log.write(data),
      onExit: (code, signal) => this.#exited(code, signal),
    })
  }

  start(): void {
    this.#wanted = true
    this.#launch()
  }

  /** Ends it the hard way and keeps it down; every `hold` needs its `release`. */
  async hold(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#holds++
    clearTimeout(this.#restart)
    // What is stopped hears no other signal.
    this.program.signal('SIGCONT')
    await this.program.end(signal)
  }

  release(): void {
    this.#holds--
    if (this.#holds === 0 && this.#wanted && !this.program.running) this.#launch()
  }

  async stop(): Promise<void> {
    this.#wanted = false
    clearTimeout(this.#restart)
    await this.program.stop()
    await new Promise((resolve) => this.#log.end(resolve))
  }

  #launch(): void {
    this.#log.write(`--- started at ${new Date().toISOString()} ---\n`)
    this.program.start()
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    const how = signal ? `ended by ${signal}` : `ended with code ${code}`
    if (!this.#log.writableEnded) this.#log.write(`--- ${how} at ${new Date().toISOString()} ---\n`)
    // Code 0: it has done what it was for.
    if (!this.#wanted || this.#holds > 0 || code === 0) return
    this.#onUnexpected(this.name, how)
    this.#restart = setTimeout(() => {
      if (this.#wanted && this.#holds === 0 && !this.program.running) this.#launch()
    }, RESTART_MS)
  }
}
