/** Whether there is a way back to before a deployment: a base backup that is whole and young, and the server's log up to now. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { leftOut, ok, type Verdict, wrong } from './verdict.ts'

/** One is taken every day (deploy/backup/README.md), and may take its time. */
const BASE_AGE_HOURS = 26
/** `archive_timeout` is a minute; a server with nothing to write archives nothing. */
const ARCHIVE_AGE_HOURS = 2
const HOUR_MS = 3_600_000
/** A file of Postgres's log as archive-wal.sh keeps it. */
const LOG_FILE = /^[0-9A-F]{24}$/

/** `dir` holds base backups (folders that base-backup.sh made) and the folder `archive`, or `archiveDir` does the latter. */
export function checkBackups(
  dir: string | undefined,
  archiveDir: string | undefined,
  nowMs: number,
): Verdict {
  if (dir === undefined)
    return leftOut(
      'nobody has looked: --backups DIR says where base backups lie, --archive DIR the log of the server',
    )
  if (!existsSync(dir)) return wrong(`${dir} is not there`)
  const problems: string[] = []
  const bases = readdirSync(dir)
    // base-backup.sh names a folder `.part` until it is verified.
    .filter((it) => !it.endsWith('.part') && existsSync(join(dir, it, 'backup_manifest')))
    .map((it) => ({ name: it, atMs: statSync(join(dir, it, 'backup_manifest')).mtimeMs }))
  const newest = bases.sort((a, b) => b.atMs - a.atMs)[0]
  const hours = (atMs: number): number => Math.round((nowMs - atMs) / HOUR_MS)
  if (!newest) problems.push(`${dir} holds no whole base backup; deploy/backup/base-backup.sh takes one`)
  else if (hours(newest.atMs) > BASE_AGE_HOURS)
    problems.push(`the newest base backup, ${newest.name}, is ${hours(newest.atMs)} hours old`)
  const archive = archiveDir ?? join(dir, 'archive')
  const kept = existsSync(archive) ? readdirSync(archive).filter((it) => LOG_FILE.test(it)) : []
  const last = Math.max(0, ...kept.map((it) => statSync(join(archive, it)).mtimeMs))
  if (kept.length === 0)
    problems.push(
      `${archive} holds nothing of the server's log; what came after the base backup is lost with the machine`,
    )
  else if (hours(last) > ARCHIVE_AGE_HOURS)
    problems.push(`the server's log was last archived ${hours(last)} hours ago`)
  if (problems.length > 0 || !newest) return wrong(...problems)
  return ok(`${newest.name}, ${hours(newest.atMs)} hours old, and ${kept.length} files of the log since`)
}
