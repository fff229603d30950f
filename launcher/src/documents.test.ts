/** Documents are true: what they link to is there, and npm commands that they name exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const SKIPPED = new Set(['node_modules', 'dist', 'generated', '.git', '.switchyard', 'coverage'])

function* documents(folder = ''): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* documents(path)
    else if (entry.name.endsWith('.md')) yield path
  }
}

const scripts = Object.keys(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts)

describe.each([...documents()])('%s', (path) => {
  const text = readFileSync(join(ROOT, path), 'utf8')

  test('links to files that exist', () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((m) => m[1]!)
      .filter((it) => !/^[a-z]+:/.test(it))
    expect(links.filter((it) => !existsSync(join(ROOT, dirname(path), it)))).toEqual([])
  })

  test('names files that exist', () => {
    const named = [
      ...text.matchAll(
        /`((?:protocol|edge-controller|cloud|simulators|launcher|end-to-end|deploy|docs)\/[\w./-]+\.(?:tsx?|jsonl?|sql))`/g,
      ),
    ]
    expect(named.map((m) => m[1]!).filter((it) => !existsSync(join(ROOT, it)))).toEqual([])
  })

  test('names npm commands that exist', () => {
    const named = [...text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].map((m) => m[1]!)
    expect(named.filter((it) => !scripts.includes(it))).toEqual([])
  })
})
