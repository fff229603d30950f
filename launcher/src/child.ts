import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, readIdentity, writeIdentity } from '../lock.mjs'
import type { LogFile } from './log-file.ts'
import { pause, waitUntil } from './wait.ts'

/** A signal and how long it may take before the next, harder one. */
export type StopStep = { signal: NodeJS.Signals; deadlineMs: number }

export type ChildSpec = {
  /** Names its log and its pid file. */
  name: string
  /** What the user reads. */
  title: string
  file: string
  args: string[]
  env: NodeJS.ProcessEnv
  cwd: string
  /** Runs as this user; absent ids: as the supervisor's. */
  owner?: { uid?: number; gid?: number }
  /** Runs before every start, restarts included. */
  prepare?: () => Promise<void>
  /** Resolves once it serves; throws when it does not in its time. */
  ready: (signal: AbortSignal) => Promise<void>
  stopSteps: readonly StopStep[]
}

export const NODE_STOP_STEPS: readonly StopStep[] = [
  { signal: 'SIGTERM', deadlineMs: 15_000 },
  { signal: 'SIGKILL', deadlineMs: 5_000 },
]

const FIRST_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 30_000
/** A child that served this long is healthy: its next crash starts over with the shortest wait. */
const HEALTHY_AFTER_MS = 60_000
/** A child that never served is wrong in itself, and after as many tries the start is given up. */
const MAX_FIRST_TRIES = 3

/** One process that is kept running until it is told to stop. */
export class Child {
  readonly spec: ChildSpec
  #process: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #stopping = new AbortController()
  #keeper: Promise<void> | undefined
  readonly #log: LogFile
  readonly #pidFile: string
  readonly #say: (line: string) => void

  constructor(spec: ChildSpec, options: { log: LogFile; runFolder: string; say: (line: string) => void }) {
    this.spec = spec
    this.#log = options.log
    this.#pidFile = join(options.runFolder, `${spec.name}.pid`)
    this.#say = options.say
  }

  /** Starts it and resolves once it serves; from then on a crash is followed by a restart, with growing waits. */
  async start(): Promise<void> {
    await stopRecorded(this.#pidFile, this.spec, this.#say)
    for (let tries = 1; ; tries++) {
      const failure = await this.#startOnce()
      if (failure === undefined || this.#stopping.signal.aborted) break
      if (tries === MAX_FIRST_TRIES)
        throw new Error(
          `${this.spec.title} does not start: ${failure}\nIts last lines (all of them in ${this.#log.path}):\n${this.#log.tail()}`,
        )
      await pause(FIRST_BACKOFF_MS * 2 ** tries, this.#stopping.signal)
    }
    this.#keeper = this.#keep()
  }

  /** Stops it, by harder signals as deadlines pass, and keeps it stopped. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#keeper
    await this.#end()
    rmSync(this.#pidFile, { force: true })
  }

  /** Ends it at once, for a second Ctrl-C; Postgres recovers from its log at the next start. */
  kill(): void {
    this.#stopping.abort()
    this.#process?.kill(this.spec.name === 'postgres' ? 'SIGQUIT' : 'SIGKILL')
  }

  /** Undefined when it serves, else why not. */
  async #startOnce(): Promise<string | undefined> {
    try {
      await this.spec.prepare?.()
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
    if (this.#stopping.signal.aborted) return undefined
    const { file, args, env, cwd, owner, name } = this.spec
    // A group of its own: Ctrl-C in the terminal must reach the supervisor alone, which stops all in order.
    const child = spawn(file, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(owner?.uid !== undefined && { uid: owner.uid }),
      ...(owner?.gid !== undefined && { gid: owner.gid }),
    })
    this.#process = child
    let ended: string | undefined
    const over = new AbortController()
    this.#exited = new Promise((resolve) => {
      child.on('error', (error) => {
        ended = error.message
        over.abort()
        resolve()
      })
      child.on('exit', (code, signal) => {
        ended = signal ? `ended by ${signal}` : `ended with code ${code}`
        over.abort()
        resolve()
      })
    })
    if (child.pid !== undefined) writeIdentity(this.#pidFile, child.pid)
    this.#log.note(`--- ${name} started as process ${child.pid} ---`)
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => this.#log.write(chunk))
    try {
      await this.spec.ready(AbortSignal.any([over.signal, this.#stopping.signal]))
    } catch (error) {
      if (ended === undefined) await this.#end()
      return error instanceof Error ? error.message : String(error)
    }
    return ended
  }

  async #keep(): Promise<void> {
    const stopping = this.#stopping.signal
    let backoffMs = FIRST_BACKOFF_MS
    for (;;) {
      const since = performance.now()
      await Promise.race([this.#exited, aborted(stopping)])
      if (stopping.aborted) return
      if (performance.now() - since > HEALTHY_AFTER_MS) backoffMs = FIRST_BACKOFF_MS
      this.#say(
        `${this.spec.title} ended unexpectedly; starting it again in ${backoffMs / 1000} s (${this.#log.path})`,
      )
      await pause(backoffMs, stopping)
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS)
      if (stopping.aborted) return
      const failure = await this.#startOnce()
      if (stopping.aborted) return
      this.#say(
        failure === undefined
          ? `${this.spec.title} runs again`
          : `${this.spec.title} does not start: ${failure}`,
      )
    }
  }

  async #end(): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    for (const { signal, deadlineMs } of this.spec.stopSteps) {
      child.kill(signal)
      const deadline = new AbortController()
      await Promise.race([this.#exited, pause(deadlineMs, deadline.signal)])
      deadline.abort()
      if (child.exitCode !== null || child.signalCode !== null) return
      this.#say(`${this.spec.title} did not stop ${deadlineMs / 1000} s after ${signal}`)
    }
  }
}

/** Stops the process that an earlier supervisor recorded and could not stop itself; any other under that pid is left alone. */
export async function stopRecorded(
  pidFile: string,
  spec: Pick<ChildSpec, 'title' | 'stopSteps'>,
  say: (line: string) => void,
): Promise<void> {
  const recorded = readIdentity(pidFile)
  for (const { signal, deadlineMs } of spec.stopSteps) {
    if (!recorded || !isAlive(recorded)) break
    if (signal === spec.stopSteps[0]?.signal)
      say(`Stopping what an earlier start left behind: ${spec.title} (process ${recorded.pid})`)
    process.kill(recorded.pid, signal)
    await waitUntil(
      () => !isAlive(recorded),
      deadlineMs,
      () => '',
    ).catch(() => undefined)
  }
  if (recorded && isAlive(recorded))
    throw new Error(`${spec.title} (process ${recorded.pid}) of an earlier start does not stop.`)
  rmSync(pidFile, { force: true })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
