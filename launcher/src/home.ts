import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { dataFolderFor, SYSTEM_FOLDER } from './postgres/embedded-postgres.ts'
import { newHomeId } from './random.ts'

/** Everything of one installation lies in its home; as root only the database lies elsewhere. */
export type Home = {
  folder: string
  id: string
  logs: string
  run: string
  secrets: string
  credentials: string
  /** The site controller's journal. */
  journal: string
  simulator: string
  /** The embedded database. */
  postgres: string
}

const MARKER = 'home.json'
const OWN = ['postgres', 'site', 'simulator', 'secrets', 'credentials.json', 'logs', 'postgres.location']

/** Opens a home, or makes it. Throws, saying what is wrong, when this user cannot write there or it is somebody's other folder. */
export function openHome(path: string): Home {
  const folder = resolve(path)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new Error(
      `The home ${folder} cannot be written by this user${cause instanceof Error ? ` (${cause.message})` : ''}. ` +
        'Perhaps it was made by another user; choose another with --home.',
      { cause },
    )
  }
  const marker = join(folder, MARKER)
  if (!existsSync(marker)) {
    const strange = readdirSync(folder).filter((it) => it !== 'run' && it !== 'tools')
    if (strange.length > 0)
      throw new Error(
        `--home ${folder} holds other files (${strange.slice(0, 3).join(', ')}). Give an empty or a new folder.`,
      )
    writeFileSync(marker, `${JSON.stringify({ version: 1, id: newHomeId() })}\n`, { mode: 0o600 })
  }
  const real = realpathSync(folder)
  const { id } = JSON.parse(readFileSync(marker, 'utf8')) as { id: string }
  const location = join(real, 'postgres.location')
  const postgres = existsSync(location) ? readFileSync(location, 'utf8').trim() : dataFolderFor(real, id)
  if (postgres !== join(real, 'postgres')) writeFileSync(location, `${postgres}\n`, { mode: 0o600 })
  for (const name of ['secrets', 'site', 'simulator', 'logs'])
    mkdirSync(join(real, name), { recursive: true, mode: 0o700 })
  return {
    folder: real,
    id,
    logs: join(real, 'logs'),
    run: join(real, 'run'),
    secrets: join(real, 'secrets'),
    credentials: join(real, 'credentials.json'),
    journal: join(real, 'site', 'journal.db'),
    simulator: join(real, 'simulator'),
    postgres,
  }
}

/** `--fresh`: removes what this home holds, and nothing else that may lie in the folder. Says what before. */
export function wipe(home: Home, say: (line: string) => void): void {
  const outside = home.postgres.startsWith(`${SYSTEM_FOLDER}/`) ? dirname(home.postgres) : undefined
  const present = OWN.map((it) => join(home.folder, it)).filter((it) => existsSync(it))
  if (outside && existsSync(outside)) present.push(outside)
  say('--fresh removes all data, secrets and logs of this home:')
  for (const path of present) say(`  ${path}`)
  for (const path of present) rmSync(path, { recursive: true, force: true })
  rmSync(join(home.folder, MARKER), { force: true })
}
