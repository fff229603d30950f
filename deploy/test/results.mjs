// Takes the last line of one script into results.json: what it claims (the second line of the script), what it measured, when.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

const FILE = new URL('results.json', import.meta.url)
const [script, seconds, line] = process.argv.slice(2)
const [, name, , ...pairs] = line.trim().split(/\s+/)
const measured = Object.fromEntries(
  pairs.map((it) => [it.slice(0, it.indexOf('=')), it.slice(it.indexOf('=') + 1)]),
)
const results = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {}
results[name] = { script, at: new Date().toISOString().slice(0, 10), seconds: Number(seconds), measured }
const sorted = Object.fromEntries(
  Object.entries(results).sort(([, a], [, b]) => a.script.localeCompare(b.script)),
)
const draft = new URL('results.json.new', import.meta.url)
writeFileSync(draft, `${JSON.stringify(sorted, null, 2)}\n`)
renameSync(draft, FILE)
