/** A Postgres server of a test's own, that archives its log and can be restored to a point in time by the scripts of deploy/backup. */
import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { eventually, Program } from './process.ts'

const execute = promisify(execFile)
const SCRIPTS = new URL('../../deploy/backup/', import.meta.url).pathname
const SCRIPT_NAMES = ['archive-wal.sh', 'base-backup.sh', 'restore.sh']
/** Where Debian keeps the programs that do not stand in the path. */
const FOLDERS = ['/usr/lib/postgresql/17/bin', '/usr/lib/postgresql/16/bin', '/usr/lib/postgresql/15/bin']
const NEEDED = ['initdb', 'postgres', 'pg_basebackup', 'pg_verifybackup']

/** Why this machine cannot have one; undefined when it can. */
export const noPostgresPrograms =
  folder() === undefined
    ? `none of ${FOLDERS.join(', ')} has ${NEEDED.join(', ')}`
    : process.getuid?.() === 0 && owner() === undefined
      ? 'Postgres does not run as root, and there is no user postgres'
      : undefined

function folder(): string | undefined {
  return FOLDERS.find((it) => NEEDED.every((program) => existsSync(join(it, program))))
}

/** Whom the server runs as where this process is root. */
function owner(): { uid: number; gid: number } | undefined {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: 'pipe' }).toString())
  try {
    return { uid: id('-u'), gid: id('-g') }
  } catch {
    return undefined
  }
}

export interface PostgresServer {
  url: string
  baseBackup(): Promise<string>
  /** As the machine's loss: what was not archived is gone. */
  crash(): Promise<void>
  /** Starts again as it was at that time, on the same port. */
  restoreTo(base: string, time: Date): Promise<void>
  /** The server's own clock, which recovery goes by. */
  now(): Promise<Date>
  /** Sees to it that everything so far is in the archive. */
  archive(): Promise<void>
  stop(): Promise<void>
}

export async function startPostgresServer(directory: string, port: number): Promise<PostgresServer> {
  const bin = folder()!
  const user = process.getuid?.() === 0 ? owner() : undefined
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
  }
  const asOwner = (file: string, ...args: string[]) =>
    execute(file, args, { env: { ...env, PGUSER: 'postgres' }, ...(user ?? {}) })
  for (const it of [directory, join(directory, 'archive')]) {
    mkdirSync(it, { recursive: true })
    chmodSync(it, 0o755)
    if (user) chownSync(it, user.uid, user.gid)
  }
  // The server's user may not be able to enter the checkout.
  for (const it of SCRIPT_NAMES) cpSync(join(SCRIPTS, it), join(directory, it))
  const archive = join(directory, 'archive')
  let data = join(directory, 'data')
  await asOwner(join(bin, 'initdb'), '-D', data, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--no-sync')
  writeFileSync(
    join(data, 'postgresql.auto.conf'),
    [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${directory}'`,
      'archive_mode = on',
      `archive_command = '${directory}/archive-wal.sh "%p" "${archive}/%f"'`,
      'max_connections = 200',
      '',
    ].join('\n'),
  )
  if (user) chownSync(join(data, 'postgresql.auto.conf'), user.uid, user.gid)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let server = start()
  await up()

  function start(): Program {
    const program = new Program('postgres', [join(bin, 'postgres'), '-D', data], {}, user)
    program.start()
    return program
  }
  async function up(): Promise<void> {
    await eventually('Postgres to take writes', async () => {
      if (!server.running) throw new Error(server.output.join('\n'))
      return await ask(async (sql) => (await sql`select not pg_is_in_recovery() as up`)[0]?.up as boolean)
    })
  }
  async function ask<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 5 })
    try {
      return await work(sql)
    } finally {
      await sql.end({ timeout: 1 })
    }
  }

  return {
    url,
    async baseBackup() {
      const to = join(directory, `base-${process.hrtime.bigint()}`)
      await asOwner(join(directory, 'base-backup.sh'), to)
      return to
    },
    crash: () => server.end('SIGQUIT'),
    async restoreTo(base, time) {
      data = join(directory, `restored-${process.hrtime.bigint()}`)
      await asOwner(join(directory, 'restore.sh'), base, archive, time.toISOString(), data)
      server = start()
      await up()
    },
    now: () => ask(async (sql) => (await sql`select clock_timestamp() as now`)[0]?.now as Date),
    async archive() {
      const file = await ask(
        async (sql) => (await sql`select pg_walfile_name(pg_switch_wal()) as file`)[0]?.file as string,
      )
      await eventually(`${file} to be in the archive`, () => existsSync(join(archive, file)))
    },
    stop: () => server.end('SIGINT'),
  }
}
