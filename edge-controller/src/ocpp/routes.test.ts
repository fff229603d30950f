import { actionsOf, COMMAND_KINDS } from '@switchyard/protocol/command/commands.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { expect, it } from 'vitest'
import { rateFor } from '../load/rate.ts'
import { v16 } from './v16/module.ts'
import { v21 } from './v21/module.ts'
import { v201 } from './v201/module.ts'

it.each([v16, v201, v21])(
  'every route of $version is an action of that version',
  async ({ version, routes }) => {
    const validators = await loadValidators(version)
    for (const action of Object.keys(routes)) expect(validators.find(action), action).toBeDefined()
  },
)

it.each([v16, v201, v21])('every call that the site makes in $version is valid', async (module) => {
  const validators = await loadValidators(module.version)
  const session = { transactionId: module.version === '1.6' ? '7' : 'tx' } as never
  const calls = [
    module.harmless,
    module.failsafeProfile(rateFor(6_000, new Set())),
    ...([undefined, 'whole-amps', 'watts-only', 'watts-only-three-phase'] as const).flatMap((quirk) =>
      [0, 8_100, 13_300, 32_000].map((limitMa) => {
        const rate = rateFor(limitMa, new Set(quirk ? [quirk] : []))
        return module.limitProfile({ evseId: 1, rate, session, profileId: 1_000_002 })
      }),
    ),
  ]
  for (const { action, payload } of calls)
    expect(validators.find(action)?.request(payload), action).toEqual([])
})

it.each([v16, v201, v21])(
  'every other action of $version is reached by a typed command',
  async ({ version, routes }) => {
    const commanded = new Set(COMMAND_KINDS.flatMap((kind) => actionsOf(kind, version)))
    const { actions } = await loadValidators(version)
    const said = Object.keys(routes)
    expect(actions.filter((it) => !said.includes(it) && !commanded.has(it))).toEqual([])
    // The one message that goes both ways.
    expect(said.filter((it) => commanded.has(it))).toEqual(['DataTransfer'])
  },
)
