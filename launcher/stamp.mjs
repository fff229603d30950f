// A stamp remembers from which inputs something was made, so that an unchanged start makes nothing again.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { PROJECT } from './project.mjs'

const SKIPPED = new Set(['node_modules', 'dist', 'generated', '.switchyard', '.git', 'coverage'])

function* filesUnder(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isFile()) yield path
  if (!stat?.isDirectory()) return
  for (const name of readdirSync(path).sort()) if (!SKIPPED.has(name)) yield* filesUnder(join(path, name))
}

/** SHA-256 over names and contents of files and folders (relative to the project); tests do not count as inputs. */
export function hashOf(paths, extra = '') {
  const hash = createHash('sha256').update(extra)
  for (const path of paths)
    for (const file of filesUnder(join(PROJECT, path))) {
      if (/\.test\.\w+$/.test(file)) continue
      hash.update(`\0${relative(PROJECT, file)}\0`).update(readFileSync(file))
    }
  return hash.digest('hex')
}

export function readStamp(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

export function writeStamp(file, stamp) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stamp)
}
