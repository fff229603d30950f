/** docs/observability.md lists every field that a line of the logs may have, under one name in both programs. `UPDATE_DOCS=1` writes the list of particulars anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const DOCUMENT = join(ROOT, 'docs/observability.md')
const [BEGIN, END] = ['<!-- log fields: begin -->\n', '<!-- log fields: end -->']
/** Written by pino, or once for all lines of a program. */
const OF_EVERY_LINE = ['level', 'time', 'service', 'msg']
/** Other names of what has one already. The controller's `error` is written as `err`. */
const FOREIGN = ['site', 'station', 'session', 'tenant', 'request', 'user', 'message', 'exception']

const sources = ['cloud/src', 'edge-controller/src'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((it) => it.endsWith('.ts') && !/\.test\.ts$|testing/.test(it))
    .map((it) => ({ path: `${folder}/${it}`, text: readFileSync(join(ROOT, folder, it), 'utf8') })),
)

/** Names in the object that a line is given, as far as they stand there; what is spread comes from elsewhere. */
function fieldsIn(text: string): string[] {
  return [...text.matchAll(/\blog\.(?:debug|info|warn|error|fatal)\(\s*\{/gi)].flatMap((it) =>
    membersAt(text, it.index + it[0].length).flatMap((member) => /^\w+/.exec(member)?.[0] ?? []),
  )
}

/** Members of the object literal that begins before `at`. */
function membersAt(text: string, at: number): string[] {
  const members = ['']
  let depth = 0
  let quote: string | undefined
  for (const letter of text.slice(at)) {
    if (quote !== undefined) quote = letter === quote ? undefined : quote
    else if (letter === "'" || letter === '`') quote = letter
    else if ('{(['.includes(letter)) depth++
    else if ('})]'.includes(letter) && --depth < 0) break
    else if (letter === ',' && depth === 0) {
      members.push('')
      continue
    }
    members[members.length - 1] += letter
  }
  return members.map((it) => it.trim()).filter((it) => it !== '')
}

const written = sources.flatMap(({ path, text }) => fieldsIn(text).map((field) => ({ field, path })))

test('no line has a field that every line has already, or another name for the same thing', () => {
  expect(written.length).toBeGreaterThan(200)
  expect(written.filter((it) => OF_EVERY_LINE.includes(it.field) || FOREIGN.includes(it.field))).toEqual([])
})

test('the fields of the logs are those that docs/observability.md lists', () => {
  const document = readFileSync(DOCUMENT, 'utf8')
  const [before, rest] = document.split(BEGIN) as [string, string]
  const [told, after] = rest.split(END) as [string, string]
  // The table of those that have a meaning across lines stands just before.
  const explained = new Set(
    before
      .slice(before.lastIndexOf('## Logs'))
      .split('\n')
      .filter((it) => it.startsWith('| `'))
      .flatMap((it) => [...it.split('|')[1]!.matchAll(/`(\w+)`/g)].map((name) => name[1]!)),
  )
  expect(OF_EVERY_LINE.filter((it) => !explained.has(it))).toEqual([])
  const particulars = new Set(
    written.map((it) => it.field).filter((it) => !explained.has(it) && it !== 'error'),
  )
  const now = `${[...particulars]
    .sort()
    .map((it) => `\`${it}\``)
    .join(', ')}.\n`
  if (process.env.UPDATE_DOCS) writeFileSync(DOCUMENT, `${before}${BEGIN}${now}${END}${after}`)
  else expect(told, 'UPDATE_DOCS=1 writes it anew').toBe(now)
})
