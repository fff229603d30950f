import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { runbookOf } from './runbooks.ts'

const ROOT = new URL('../../../', import.meta.url).pathname
/** "Under a page": what can be read while something burns. */
const MAX_LINES = 45

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (/^(?!.*\.test\.).*\.ts$/.test(entry.name)) yield readFileSync(path, 'utf8')
  }
}

/** Every rule under which code of the cloud raises an alert: `rule: 'name'`, or a constant of this name. */
function rulesInCode(): string[] {
  const texts = [...sources(join(ROOT, 'cloud/src'))]
  const constant = (name: string): string | undefined =>
    texts.map((it) => new RegExp(`const ${name} = '([\\w-]+)'`).exec(it)?.[1]).find(Boolean)
  const named = texts.flatMap((text) => [...text.matchAll(/\brule: (?:'([\w-]+)'|([A-Z][A-Z_]+))/g)])
  return [...new Set(named.map(([, literal, name]) => literal ?? constant(name!) ?? name!))].sort()
}

it('every rule of the code has its runbook, which exists and fits on a page', () => {
  const rules = rulesInCode()
  expect(rules).toEqual(
    expect.arrayContaining(['cloud-restored', 'poison', 'site-offline', 'journal-pressure']),
  )
  const index = readFileSync(join(ROOT, 'docs/runbooks/README.md'), 'utf8')
  for (const rule of rules) {
    const page = runbookOf(rule)
    expect(page, `a runbook for ${rule}`).not.toBeNull()
    expect(existsSync(join(ROOT, page!)), `${page} for ${rule}`).toBe(true)
    expect(index, `${rule} in the index`).toContain(`\`${rule}\``)
    expect(readFileSync(join(ROOT, page!), 'utf8'), `${page} names ${rule}`).toContain(`\`${rule}\``)
  }
})

it('every page says how it is noticed, what it means, what to do and when it is over', () => {
  const folder = join(ROOT, 'docs/runbooks')
  const pages = readdirSync(folder).filter((it) => it !== 'README.md')
  expect(pages.length).toBeGreaterThanOrEqual(10)
  for (const page of pages) {
    const text = readFileSync(join(folder, page), 'utf8')
    for (const part of ['**You notice**', '**It means', '**Do**', '**Over**'])
      expect(text, `${part} in ${page}`).toContain(part)
    expect(text.split('\n').length, page).toBeLessThanOrEqual(MAX_LINES)
  }
})

it('says nothing about a rule that it does not know', () => {
  expect(runbookOf('of-a-newer-version')).toBeNull()
  expect(runbookOf('toString')).toBeNull()
})
