/** A Postgres for tools that start and kill one themselves: where its programs lie, and who may run them. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { copyBinaries, findBinaries } from './postgres/binaries.ts'
import { SYSTEM_FOLDER } from './postgres/embedded-postgres.ts'
import { chooseOwner, type Owner } from './postgres/owner.ts'
import { rememberSystem } from './trace-of-tests.ts'

/** Where Debian puts its servers, one folder a major version. */
const DEBIAN_FOLDER = '/usr/lib/postgresql'

export type TestPostgres = { bin: string; owner: Owner; source: string; forget: () => void }

/** The machine's own, newest version first; else the one that npm brought. `forget` removes what was made for it. */
export function findTestPostgres(launcherFolder: string, say: (line: string) => void): TestPostgres {
  const forget = rememberSystem()
  try {
    const owner = chooseOwner(SYSTEM_FOLDER, say)
    const debian = newestOfDebian()
    if (debian !== undefined) return { bin: debian, owner, source: debian, forget }
    const found = findBinaries(launcherFolder)
    const { folder, version } = owner.uid === undefined ? found : copyBinaries(found, SYSTEM_FOLDER)
    return { bin: join(folder, 'bin'), owner, source: `embedded-postgres ${version}`, forget }
  } catch (error) {
    forget()
    throw error
  }
}

function newestOfDebian(): string | undefined {
  if (!existsSync(DEBIAN_FOLDER)) return undefined
  return readdirSync(DEBIAN_FOLDER)
    .sort((a, b) => Number(b) - Number(a))
    .map((it) => join(DEBIAN_FOLDER, it, 'bin'))
    .find((it) => existsSync(join(it, 'initdb')) && existsSync(join(it, 'postgres')))
}
