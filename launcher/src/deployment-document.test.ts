/** docs/deployment.md tells what the scripts of deploy/test measured, as results.json has it; what they build from is whole. `UPDATE_DOCS=1` writes it anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const DOCUMENT = file('docs/deployment.md')
const [BEGIN, END] = ['<!-- results: begin -->\n', '<!-- results: end -->']
type Result = { script: string; at: string; seconds: number; measured: Record<string, string> }

const scripts = readdirSync(file('deploy/test')).filter((it) => /^\d\d-[\w-]+\.sh$/.test(it))
const results = Object.values(
  JSON.parse(readFileSync(file('deploy/test/results.json'), 'utf8')) as Record<string, Result>,
)

/** A script says in its first comment what it claims. */
function claimOf(script: string): string {
  const lines = readFileSync(file(`deploy/test/${script}`), 'utf8')
    .split('\n')
    .slice(1)
  const end = lines.findIndex((it) => !it.startsWith('# '))
  return lines
    .slice(0, end)
    .map((it) => it.slice(2))
    .join(' ')
}

test('the table of results is that of the last runs', () => {
  const rows = scripts.map((script) => {
    const result = results.find((it) => it.script === script)
    const measured = Object.entries(result?.measured ?? {}).map(([name, value]) => `${name} ${value}`)
    const when = result ? `${result.at}, ${result.seconds} s` : 'not run yet'
    return `| \`${script}\` | ${claimOf(script)} | ${measured.join(', ')} | ${when} |`
  })
  const now = `\n| Script | What it shows | Measured | Last run |\n|---|---|---|---|\n${rows.join('\n')}\n`
  const [before, rest] = readFileSync(DOCUMENT, 'utf8').split(BEGIN) as [string, string]
  const [told, after] = rest.split(END) as [string, string]
  if (process.env.UPDATE_DOCS) writeFileSync(DOCUMENT, `${before}${BEGIN}${now}${END}${after}`)
  else expect(told).toBe(now)
})

test('every result is of a script that is there, and every script says what it shows', () => {
  expect(results.map((it) => it.script).filter((it) => !scripts.includes(it))).toEqual([])
  expect(scripts.filter((it) => claimOf(it) === '')).toEqual([])
})

test('the build of the images knows every package of the workspace', () => {
  const list =
    /^packages:\n((?: {2}- .*\n)+)/m.exec(readFileSync(file('pnpm-workspace.yaml'), 'utf8'))?.[1] ?? ''
  const folders = [...list.matchAll(/- (\S+)/g)].map((it) => it[1] as string)
  expect(folders).toContain('cloud')
  const dockerfile = readFileSync(file('Dockerfile'), 'utf8').split('\n')
  expect(folders.filter((it) => !dockerfile.includes(`COPY ${it}/package.json ${it}/`))).toEqual([])
  // Of packages that no program needs only the manifest goes in.
  const letIn = readFileSync(file('.dockerignore'), 'utf8').split('\n')
  expect(
    folders.filter((it) => !letIn.includes(`!${it.split('/')[0]}`) && !letIn.includes(`!${it}/package.json`)),
  ).toEqual([])
})
