import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const names = [
  ...readFileSync(join(ROOT, 'protocol/src/mutation.ts'), 'utf8').matchAll(/^ {2}'([a-z-]+)':/gm),
].map(([, name]) => name!)
const SHIPPED = ['cloud', 'edge-controller', 'simulators', 'launcher']

function bundles(name: string): string[] {
  const folder = join(ROOT, name, 'dist')
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.js$/.test(entry.name))
    .map((entry) => join(folder, entry.name))
}

it.each(SHIPPED)('what ships of %s has no planted bug and no switch for one', (name) => {
  const files = bundles(name)
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    expect(names.filter((it) => text.includes(`'${it}'`) || text.includes(`"${it}"`))).toEqual([])
    expect(text).not.toMatch(/\bmutated\(/)
  }
})

it('the simulator of whole sites has every one of them', () => {
  const folder = join(ROOT, 'simulators/dist/world')
  expect(existsSync(folder)).toBe(true)
  const text = readdirSync(folder)
    .filter((it) => it.endsWith('.js'))
    .map((it) => readFileSync(join(folder, it), 'utf8'))
    .join('\n')
  expect(names.length).toBeGreaterThanOrEqual(20)
  expect(names.filter((it) => !text.includes(`mutated("${it}")`))).toEqual([])
})
