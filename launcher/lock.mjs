// Who holds what: a lock file names a process so exactly that a reused pid is never mistaken for it.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Identity of a running process: its pid alone is reused; with its start tick and the machine's boot it is unique. */
export function identityOf(pid) {
  if (process.platform !== 'linux') return identityWithoutProc(pid)
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold spaces, so fields are counted after the last parenthesis; start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') return undefined
    return {
      pid,
      startTick: fields[19],
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    }
  } catch {
    return undefined
  }
}

/** Elsewhere than on Linux the pid is all there is. */
function identityWithoutProc(pid) {
  try {
    process.kill(pid, 0)
    return { pid, startTick: '', boot: '' }
  } catch (error) {
    return error.code === 'EPERM' ? { pid, startTick: '', boot: '' } : undefined
  }
}

/** Whether the process that was recorded is the one that runs under that pid now. */
export function isAlive(recorded) {
  const now = recorded && identityOf(recorded.pid)
  return now !== undefined && now.startTick === recorded.startTick && now.boot === recorded.boot
}

/** Reads a recorded identity; undefined when there is none or it is unreadable (a torn write holds no lock). */
export function readIdentity(file) {
  try {
    const read = JSON.parse(readFileSync(file, 'utf8'))
    return Number.isInteger(read.pid) ? read : undefined
  } catch {
    return undefined
  }
}

/** Records a process, whole or not at all. */
export function writeIdentity(file, pid) {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify(identityOf(pid) ?? { pid }))
  renameSync(draft, file)
}

/**
 * Takes the lock, also from a holder that died without giving it back.
 * Returns `{ release }`, or `{ holder }` naming the living process that has it.
 */
export function takeLock(file) {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify(identityOf(process.pid)))
  try {
    for (;;) {
      try {
        linkSync(draft, file)
        return { release: () => rmSync(file, { force: true }) }
      } catch (error) {
        if (error.code !== 'EEXIST') throw error
      }
      const holder = readIdentity(file)
      if (isAlive(holder)) return { holder }
      // Moved aside first: of two starters that both saw the stale lock, one moves it and the other finds nothing to move.
      const aside = `${file}.stale.${process.pid}`
      try {
        renameSync(file, aside)
      } catch (error) {
        if (error.code !== 'ENOENT') throw error
        continue
      }
      const moved = readIdentity(aside)
      if (isAlive(moved)) linkSync(aside, file)
      rmSync(aside, { force: true })
    }
  } finally {
    rmSync(draft, { force: true })
  }
}
