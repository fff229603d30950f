/** Invariant I6 for commands that are several calls: over the real RPC machine, with stations that answer late, wrongly or never. */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { parseFrame } from '@switchyard/protocol/ocpp/frame.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { CommandResult } from '../execute.ts'
import type { Log } from '../ports.ts'
import { systemRandom } from '../random.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { Calls } from './calls.ts'
import { carryOut } from './commands.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** What a station does with a call: after so long it says yes, no or error, or the line is cut; or it says nothing. */
/** Whole seconds, so that answers fall on the very end of the time, too. */
const seconds = (max: number) => fc.integer({ min: 1, max }).map((s) => s * 1_000)
const behaviour = fc.record({
  afterMs: seconds(35),
  does: fc.constantFrom('yes', 'yes', 'yes', 'no', 'error', 'nothing', 'cut'),
})

it('no call goes out twice or at its expiry, and the reply tells of every call what is true', async () => {
  const validators = await loadValidators('1.6')
  await fc.assert(
    fc.asyncProperty(
      fc.array(behaviour, { minLength: 1, maxLength: 6 }),
      seconds(40),
      async (behaviours, remainingMs) => {
        const clock = new VirtualClock('2026-11-23T12:00:00.000Z')
        const startMs = clock.mono()
        const heard: { key: unknown; atMs: number }[] = []
        const calls: Calls = new Calls({
          clock,
          random: systemRandom,
          log: silent,
          send: (text) => {
            const [, id, , payload] = JSON.parse(text) as [number, string, string, JsonObject]
            const { afterMs, does } = behaviours[heard.length]!
            heard.push({ key: payload.key, atMs: clock.mono() - startMs })
            const answers = {
              yes: [3, id, { status: 'Accepted' }],
              no: [3, id, { status: 'Rejected' }],
              error: [4, id, 'InternalError', '', {}],
            }
            clock.after(afterMs, () => {
              if (does === 'cut') calls.close()
              else if (does !== 'nothing')
                calls.receive(parseFrame('1.6', JSON.stringify(answers[does])) as never)
            })
          },
        })
        const names = behaviours.map((_, index) => `K${index}`)
        const command = {
          ...{ id: 'c', stationId: 'CP1', kind: 'SetSettings', issuedAt: '', expiresAt: '' },
          args: { settings: names.map((name) => ({ name, value: '1' })) },
        }
        let result: CommandResult | 'not-sent' | undefined
        void carryOut(command, remainingMs, {
          clock,
          validators,
          call: calls.call,
          plan: {
            transactionIdOf: () => undefined,
            drawId: () => 1,
            itemsPerMessage: () => undefined,
            bytesPerMessage: () => undefined,
            uploadLocation: () => undefined,
            siteUrl: () => undefined,
            firmware: () => undefined,
          },
          refusal: () => undefined,
          refusesSessions: false,
          isCharging: false,
          vouch: async () => async () => {},
          inTurn: (work) => work(),
          collect: () => {
            throw new Error('no report follows')
          },
        }).then((it) => {
          result = it
        })
        for (let turn = 0; turn < 400 && result === undefined; turn++) {
          await settled()
          clock.advance(500)
        }
        // It ends, at the latest when its time and an answer's are over.
        if (result === undefined || result === 'not-sent') throw new Error('it did not end')
        expect(new Set(heard.map(({ key }) => key)).size).toBe(heard.length)
        for (const { atMs } of heard) expect(atMs).toBeLessThan(remainingMs)
        const told =
          behaviours.length === 1 ? [result] : (result.reply!.calls as unknown as { status: string }[])
        expect(told.filter(({ status }) => !['not-sent', 'expired'].includes(status)).length).toBe(
          heard.length,
        )
        for (const [index, { status }] of told.entries())
          if (status === 'accepted') expect(behaviours[index]!.does).toBe('yes')
        const allYes = told.every(({ status }) => status === 'accepted')
        expect(result.status === 'accepted').toBe(allYes)
      },
    ),
    { numRuns: 400 },
  )
})
