/**
 * Backups of the journal while it is used: every so often, and whenever one is asked for. A file is complete once it has its name.
 * To restore one: stop the controller, put it in the journal's place (without a `-wal` beside it), start; what the site
 * wrote since is told apart by the cloud, and the journal forks.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { instant } from '@switchyard/protocol/instant.ts'
import type { Clock, Log } from '../ports.ts'
import type { JournalUpkeep } from './port.ts'
import { nextLevel, PRESSURE } from './pressure.ts'

const NAME = /^journal-[0-9TZ]+\.db$/
const DRAFT = 'journal.part'

export interface BackupPorts {
  upkeep: JournalUpkeep
  clock: Clock
  log: Log
  folder: string
  intervalMs: number
  /** The oldest goes when there is one more. */
  keep: number
}

export class Backups {
  readonly #ports: BackupPorts
  #running: Promise<string> | undefined
  #cancel = (): void => {}

  constructor(ports: BackupPorts) {
    this.#ports = ports
  }

  /** Makes the first one soon, unless the newest is younger than the interval. */
  start(): void {
    const { clock, folder, intervalMs } = this.#ports
    mkdirSync(folder, { recursive: true })
    const newest = this.#names().at(-1)
    const ageMs = newest ? clock.now() - statSync(join(folder, newest)).mtimeMs : intervalMs
    this.#schedule(Math.min(intervalMs, Math.max(0, intervalMs - ageMs)))
  }

  stop(): void {
    this.#cancel()
  }

  /** One at a time; asked for during one, it is the same. Gives its file. */
  now(): Promise<string> {
    this.#running ??= this.#make().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  #schedule(delayMs: number): void {
    const { clock, log, intervalMs } = this.#ports
    this.#cancel = clock.after(delayMs, () => {
      this.now()
        .catch((error) => log.error({ error }, 'no backup of the journal was made'))
        .finally(() => this.#schedule(intervalMs))
    })
  }

  async #make(): Promise<string> {
    const { upkeep, clock, log, folder, keep } = this.#ports
    const reading = await upkeep.measure()
    // It may lie on the same disk.
    if (reading) {
      const after = { ...reading, freeBytes: reading.freeBytes - reading.usedBytes, maxBytes: undefined }
      if (nextLevel(PRESSURE.none, after, false) !== PRESSURE.none)
        throw new Error('the disk would be too full with it')
    }
    const draft = join(folder, DRAFT)
    rmSync(draft, { force: true })
    await upkeep.backup(draft)
    const file = join(folder, `journal-${instant(clock.now()).replace(/[-:.]/g, '')}.db`)
    renameSync(draft, file)
    for (const name of this.#names().slice(0, -keep)) rmSync(join(folder, name))
    log.info({ file, bytes: statSync(file).size }, 'a backup of the journal was made')
    return file
  }

  /** The oldest first. */
  #names(): string[] {
    return readdirSync(this.#ports.folder)
      .filter((name) => NAME.test(name))
      .sort()
  }
}
