import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { expect, it } from 'vitest'
import { v16 } from './v16/module.ts'
import { v201 } from './v201/module.ts'

it.each([v16, v201])('every route of $version is an action of that version', async ({ version, routes }) => {
  const validators = await loadValidators(version)
  for (const action of Object.keys(routes)) expect(validators.find(action), action).toBeDefined()
})

it.each([v16, v201])('every call that the site makes in $version is valid', async (module) => {
  const validators = await loadValidators(module.version)
  const session = { transactionId: module.version === '1.6' ? '7' : 'tx' } as never
  const calls = [
    module.remoteStart({ idToken: { value: 'T', type: 'Central' }, evseId: 1 }, 5),
    module.remoteStop(session),
    module.reset({ type: 'Hard' }),
    module.failsafeProfile(6_000),
    ...[0, 8_100, 13_300, 32_000].map((limitMa) =>
      module.limitProfile({ evseId: 1, limitMa, session, profileId: 1_000_002 }),
    ),
  ]
  for (const { action, payload } of calls)
    expect(validators.find(action)?.request(payload), action).toEqual([])
})
