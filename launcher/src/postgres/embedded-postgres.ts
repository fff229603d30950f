import { mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ChildSpec } from '../child.ts'
import { waitUntil } from '../wait.ts'
import { copyBinaries, findBinaries } from './binaries.ts'
import { DATABASE, ensureCluster, SUPERUSER, serverEnvironment } from './cluster.ts'
import { stopLeftOver } from './left-over.ts'
import { chooseOwner } from './owner.ts'

/** As root the server runs as another user, who can enter neither root's home nor a checkout in it. */
export const SYSTEM_FOLDER = '/var/lib/switchyard'

/** Seven services with their pools, migrations and an operator's psql. */
const MAX_CONNECTIONS = 200
const READY_DEADLINE_MS = 60_000
/** Line of postmaster.pid on which the server tells its state. */
const STATUS_LINE = 7

export type EmbeddedPostgres = { spec: ChildSpec; databaseUrl: string; dataFolder: string }

export type EmbeddedPostgresOptions = {
  /** Folder of the launcher package, whose dependencies hold the binaries. */
  launcherFolder: string
  /** Where the data lies; must differ for every home. */
  dataFolder: string
  port: number
  password: string
  /** Tells the user what happens; one line each. */
  say: (line: string) => void
  /** false: nothing is synced. For servers whose data is gone with the run that made it; a power cut may ruin them. */
  durable?: boolean
}

/** What a server does not need whose data nobody will miss. */
const NOT_DURABLE = { fsync: 'off', full_page_writes: 'off' }

/** Where the data of a home lies: inside it, or, as root, where the server's own user can go. */
export function dataFolderFor(home: string, homeId: string): string {
  return process.getuid?.() === 0 ? join(SYSTEM_FOLDER, homeId, 'postgres') : join(home, 'postgres')
}

/**
 * Makes ready what the server needs and describes it as a child to supervise. It listens on 127.0.0.1 only,
 * has no Unix socket, and keeps fsync on unless told otherwise: facts that were acknowledged must outlive a power cut.
 */
export function embeddedPostgres(options: EmbeddedPostgresOptions): EmbeddedPostgres {
  const { launcherFolder, port, password, say } = options
  const owner = chooseOwner(options.dataFolder, say)
  const found = findBinaries(launcherFolder)
  const binaries = owner.uid === undefined ? found : copyBinaries(found, SYSTEM_FOLDER)
  mkdirSync(dirname(options.dataFolder), { recursive: true })
  const dataFolder = join(realpathSync(dirname(options.dataFolder)), 'postgres')
  ensureCluster(dataFolder, binaries, owner, password, say)
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(MAX_CONNECTIONS),
    fsync: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.durable === false ? NOT_DURABLE : {}),
  }
  return {
    dataFolder,
    databaseUrl: `postgres://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${DATABASE}`,
    spec: {
      name: 'postgres',
      title: 'Postgres',
      prepare: () => stopLeftOver(dataFolder, say),
      file: join(binaries.folder, 'bin', 'postgres'),
      args: [
        '-D',
        dataFolder,
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      env: serverEnvironment(),
      cwd: dataFolder,
      owner,
      ready: (signal) => untilReady(dataFolder, signal),
      // SIGINT is Postgres's fast shutdown: sessions end, everything is flushed. SIGQUIT leaves the rest to crash recovery.
      stopSteps: [
        { signal: 'SIGINT', deadlineMs: 20_000 },
        { signal: 'SIGQUIT', deadlineMs: 5_000 },
        { signal: 'SIGKILL', deadlineMs: 5_000 },
      ],
    },
  }
}

/** The server writes its state into its pid file, the same that `pg_ctl` waits for. */
async function untilReady(dataFolder: string, signal: AbortSignal): Promise<void> {
  const isReady = (): boolean => {
    try {
      const lines = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n')
      return lines[STATUS_LINE]?.trim() === 'ready'
    } catch {
      return false
    }
  }
  await waitUntil(
    () => signal.aborted || isReady(),
    READY_DEADLINE_MS,
    () => 'Postgres does not accept connections',
  )
}
