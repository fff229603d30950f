import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { identityOf } from '../../lock.mjs'
import { waitUntil } from '../wait.ts'

/** Fast shutdown lets running statements roll back; only then the hard way, which replays the log at the next start. */
const STOP_STEPS: readonly { signal: NodeJS.Signals; deadlineMs: number }[] = [
  { signal: 'SIGINT', deadlineMs: 20_000 },
  { signal: 'SIGQUIT', deadlineMs: 10_000 },
]
/** Server processes whose postmaster was killed notice it themselves and end. */
const ORPHAN_DEADLINE_MS = 30_000

/**
 * Stops a server that an earlier start left behind on this data folder, and removes a pid file that names no such server.
 * A process counts as such a server only by what runs (a `postgres`) and where (its working folder is the data folder),
 * so a reused pid is never touched. The data itself is never touched.
 */
export async function stopLeftOver(dataFolder: string, say: (line: string) => void): Promise<void> {
  const postmaster = postmasterOf(dataFolder)
  if (postmaster !== undefined) {
    say(`Stopping the Postgres that an earlier start left behind (process ${postmaster})`)
    await stopServer(postmaster, dataFolder)
  }
  await waitUntil(
    () => serverProcesses(dataFolder).length === 0,
    ORPHAN_DEADLINE_MS,
    () => {
      const pids = serverProcesses(dataFolder).join(', ')
      return `Server processes of an earlier Postgres are still at work on ${dataFolder}: ${pids}`
    },
  )
  // Left by a kill: the pid in it may belong to anybody by now, and Postgres would refuse to start because of that.
  rmSync(join(dataFolder, 'postmaster.pid'), { force: true })
}

async function stopServer(pid: number, dataFolder: string): Promise<void> {
  for (const { signal, deadlineMs } of STOP_STEPS) {
    try {
      process.kill(pid, signal)
      await waitUntil(
        () => postmasterOf(dataFolder) !== pid,
        deadlineMs,
        () => '',
      )
      return
    } catch {
      if (postmasterOf(dataFolder) !== pid) return
    }
  }
  throw new Error(
    `Postgres (process ${pid}) on ${dataFolder} does not stop. Stop it by hand, then start again.`,
  )
}

/** The pid in postmaster.pid, if a Postgres of this data folder really runs under it. */
function postmasterOf(dataFolder: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n')[0])
    return isServerOf(pid, dataFolder) ? pid : undefined
  } catch {
    return undefined
  }
}

function serverProcesses(dataFolder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isServerOf(pid, dataFolder))
}

function isServerOf(pid: number, dataFolder: string): boolean {
  try {
    return (
      basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('postgres') &&
      readlinkSync(`/proc/${pid}/cwd`) === dataFolder &&
      identityOf(pid) !== undefined
    )
  } catch {
    return false
  }
}
