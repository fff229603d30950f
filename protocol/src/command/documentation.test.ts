/** The table in docs/commands.md says what the commands are. `UPDATE_DOCS=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { actionsOf, COMMAND_KINDS, COMMANDS } from './commands.ts'
import { COMMAND_GROUPS } from './define.ts'

const FILE = fileURLToPath(new URL('../../../docs/commands.md', import.meta.url))
const [BEGIN, END] = ['<!-- table of commands: begin -->\n', '<!-- table of commands: end -->']

function life(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  return ms >= 120_000 ? `${ms / 60_000} min` : `${ms / 1000} s`
}

function table(): string {
  const calls = (kind: (typeof COMMAND_KINDS)[number], version: '1.6' | '2.0.1' | '2.1') =>
    kind === 'ocpp.call' ? 'any' : actionsOf(kind, version).join(', ') || '-'
  return COMMAND_GROUPS.map((group) => {
    const rows = COMMAND_KINDS.filter((kind) => COMMANDS[kind].about.group === group).map((kind) => {
      const { summary, ttlMs } = COMMANDS[kind].about
      const versions = [calls(kind, '1.6'), calls(kind, '2.0.1'), calls(kind, '2.1')]
      return `| \`${kind}\` | ${versions.join(' | ')} | ${life(ttlMs)} | ${summary} |`
    })
    return `### ${group}\n\n| Kind | 1.6 | 2.0.1 | 2.1 | Life | What it does |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`
  }).join('\n')
}

it('docs/commands.md lists every command with its calls', () => {
  const text = readFileSync(FILE, 'utf8')
  const [before, rest] = text.split(BEGIN) as [string, string]
  const [told, after] = rest.split(END) as [string, string]
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, `${before}${BEGIN}${table()}${END}${after}`)
  else expect(told).toBe(table())
})
