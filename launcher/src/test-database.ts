import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../free-ports.mjs'
import { isAlive, readIdentity, writeIdentity } from '../lock.mjs'
import { Child } from './child.ts'
import { LogFile } from './log-file.ts'
import { embeddedPostgres, SYSTEM_FOLDER } from './postgres/embedded-postgres.ts'
import { stopLeftOver } from './postgres/left-over.ts'
import { newSecret } from './random.ts'
import { rememberSystem } from './trace-of-tests.ts'

const PREFIX = `switchyard-test-${userInfo().username}-`
const OWNER_FILE = 'owner'

export type TestDatabase = { url: string; stop: () => Promise<void> }

/**
 * A real Postgres for one run of the tests, on a free port, in a folder that is gone afterwards. It is `durable` where
 * figures are taken; tests do not cut its power (those that do start a server of their own).
 */
export async function startTestDatabase(
  launcherFolder: string,
  say: (line: string) => void,
  durable: boolean,
): Promise<TestDatabase> {
  const forgetSystem = rememberSystem()
  const parent = process.getuid?.() === 0 ? SYSTEM_FOLDER : tmpdir()
  mkdirSync(parent, { recursive: true })
  await clearAway(parent)
  const folder = mkdtempSync(join(realpathSync(parent), PREFIX))
  // As root the server's own user must be able to enter.
  chmodSync(folder, 0o711)
  writeIdentity(join(folder, OWNER_FILE), process.pid)
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true })
    forgetSystem()
  }
  try {
    const { spec, databaseUrl } = embeddedPostgres({
      launcherFolder,
      dataFolder: join(folder, 'cluster', 'postgres'),
      port: (await freePorts(1))[0]!,
      password: newSecret(),
      say,
      durable,
    })
    const child = new Child(spec, {
      log: new LogFile(join(folder, 'postgres.log')),
      runFolder: folder,
      say,
    })
    await child.start()
    const stop = async (): Promise<void> => {
      await child.stop()
      remove()
    }
    return { url: databaseUrl, stop }
  } catch (error) {
    remove()
    throw error
  }
}

/** What a killed run of the tests left behind; its data was only ever a test's. */
async function clearAway(parent: string): Promise<void> {
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name)
    if (!name.startsWith(PREFIX) || isAlive(readIdentity(join(folder, OWNER_FILE)))) continue
    await stopLeftOver(join(folder, 'cluster', 'postgres'), () => undefined)
    rmSync(folder, { recursive: true, force: true })
  }
}
