import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Home } from '../home.ts'
import { SYSTEM_FOLDER } from './embedded-postgres.ts'

const NOTE = 'home'

/** Beside a database outside of its home stands whose it is. */
export function noteHome(home: Home): void {
  if (home.postgres.startsWith(`${SYSTEM_FOLDER}/`))
    writeFileSync(join(dirname(home.postgres), NOTE), `${home.folder}\n`)
}

/** Databases whose home was deleted or wiped: nothing uses them, and nothing but the user removes them. */
export function forgottenDatabases(): string[] {
  if (process.getuid?.() !== 0 || !existsSync(SYSTEM_FOLDER)) return []
  return readdirSync(SYSTEM_FOLDER)
    .map((it) => join(SYSTEM_FOLDER, it))
    .filter((folder) => {
      try {
        const home = readFileSync(join(folder, NOTE), 'utf8').trim()
        const location = join(home, 'postgres.location')
        return !existsSync(location) || readFileSync(location, 'utf8').trim() !== join(folder, 'postgres')
      } catch {
        return false
      }
    })
}
