/** docs/messages.md says of every OCPP message who sends it and what the site does with it. `UPDATE_DOCS=1` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { actionsOf, COMMAND_KINDS } from '@switchyard/protocol/command/commands.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { expect, it } from 'vitest'
import type { OcppModule } from './module.ts'
import { v16 } from './v16/module.ts'
import { v21 } from './v21/module.ts'
import { v201 } from './v201/module.ts'

const FILE = fileURLToPath(new URL('../../../docs/messages.md', import.meta.url))
const [BEGIN, END] = ['<!-- table of messages: begin -->\n', '<!-- table of messages: end -->']

/** What a version has no message of, what it has and the site takes or sends, and what is not handled. */
async function cells({ version, routes }: OcppModule) {
  const validators = await loadValidators(version)
  const commands = (action: string) =>
    COMMAND_KINDS.filter((kind) => kind !== 'ocpp.call' && actionsOf(kind, version).includes(action))
  return {
    actions: validators.actions,
    commands,
    isTaken: (action: string) => Object.hasOwn(routes, action),
    said(action: string): string {
      if (!validators.find(action)) return ''
      if (Object.hasOwn(routes, action)) return validators.find(action)!.response ? 'yes' : 'yes, a SEND'
      return 'no'
    },
    sent(action: string): string {
      if (!validators.find(action)) return ''
      return commands(action).length > 0 ? 'yes' : 'no'
    },
  }
}

async function table(): Promise<string> {
  const versions = await Promise.all([v16, v201, v21].map(cells))
  const actions = [...new Set(versions.flatMap((it) => it.actions))].sort()
  const kindsOf = (action: string) => [...new Set(versions.flatMap((it) => it.commands(action)))]
  const isSaid = (action: string) => versions.some((it) => it.isTaken(action)) || kindsOf(action).length === 0
  const head = '1.6 | 2.0.1 | 2.1'
  const said = actions
    .filter(isSaid)
    .map((action) => `| ${action} | ${versions.map((it) => it.said(action)).join(' | ')} |`)
  const sent = actions
    .filter((action) => kindsOf(action).length > 0)
    .map((action) => {
      const kinds = kindsOf(action).map((kind) => `\`${kind}\``)
      return `| ${action} | ${versions.map((it) => it.sent(action)).join(' | ')} | ${kinds.join(', ')} |`
    })
  return [
    `### Sent by a station\n\n| Message | ${head} |\n|---|---|---|---|\n${said.join('\n')}\n`,
    `### Sent to a station\n\n| Message | ${head} | Command |\n|---|---|---|---|---|\n${sent.join('\n')}\n`,
  ].join('\n')
}

it('docs/messages.md lists every message of all versions, in both directions', async () => {
  const text = readFileSync(FILE, 'utf8')
  const [before, rest] = text.split(BEGIN) as [string, string]
  const [told, after] = rest.split(END) as [string, string]
  const now = await table()
  if (process.env.UPDATE_DOCS) writeFileSync(FILE, `${before}${BEGIN}${now}${END}${after}`)
  else expect(told, 'UPDATE_DOCS=1 writes it anew').toBe(now)
})
