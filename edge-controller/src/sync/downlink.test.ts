/** Commands under faults: duplicates, reconnects, crashes at any point, changes of epoch, a full disk. The effect is counted where it happens. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json } from '@switchyard/protocol/json.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import { MESSAGES_KIND } from '@switchyard/protocol/site/messages.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandResult } from '../execute.ts'
import { type Change, type Heads, JournalFull } from '../journal/port.ts'
import { InlineJournal } from '../journal/testing/inline-journal.ts'
import type { Log } from '../ports.ts'
import { systemRandom } from '../random.ts'
import { SiteState } from '../site-state.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { Downlink, MAX_REMEMBERED_COMMANDS } from './downlink.ts'
import type { Conversation } from './link.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
/** The cloud's clock, which the site's own wall clock has nothing to do with. */
const CLOUD_MS = Date.parse('2026-11-23T12:00:00.000Z')

let folder: string
let n = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-downlink-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A journal whose disk is full while told so. */
class FillingJournal extends InlineJournal {
  full = false
  override commit(change: Change): Promise<Heads> {
    return this.full ? Promise.reject(new JournalFull('full')) : super.commit(change)
  }
}

/** A site whose stations are the map of what was done to them. */
class Site {
  readonly effects = new Map<string, number[]>()
  cloudMs = CLOUD_MS
  epoch = 1
  readonly #file = join(folder, `journal-${n++}.db`)
  journal!: FillingJournal
  state!: SiteState
  downlink!: Downlink
  /** The station is away: commands wait for it. */
  away = false
  /** Lets those that wait go on, in this process. */
  waiting: (() => void)[] = []
  /** Calls that the station has not answered yet. */
  open: { id: string; answer: (result: CommandResult) => void }[] = []

  async boot(full = false): Promise<this> {
    this.journal = new FillingJournal(this.#file, 'J1')
    this.journal.full = full
    // A wall clock that was never set.
    this.state = new SiteState(
      this.journal,
      await this.journal.load(),
      new VirtualClock('1970-01-01T00:00:00.000Z'),
      systemRandom,
    )
    this.open = []
    this.waiting = []
    this.downlink = new Downlink({
      siteId: 's',
      state: this.state,
      log: silent,
      ended: () => {},
      execute: async ({ id }, _remainingMs, mayStillGo) => {
        if (this.away) {
          await new Promise<void>((goOn) => this.waiting.push(goOn))
          if (!mayStillGo!()) return { status: 'unknown' }
        }
        this.effects.set(id, [...(this.effects.get(id) ?? []), this.cloudMs])
        return new Promise((answer) => this.open.push({ id, answer }))
      },
    })
    await this.downlink.recover()
    return this
  }

  async crash(): Promise<void> {
    await this.journal.close()
    await this.boot()
  }

  get conversation(): Conversation {
    return { epoch: this.epoch, authority: true, cloudNow: () => this.cloudMs } as Conversation
  }

  /** A welcome; another epoch makes what is outstanding unknown, in the commit of the grant. */
  async welcome(epoch = this.epoch): Promise<void> {
    if (epoch !== this.epoch) await this.state.commit(this.downlink.abandon())
    this.epoch = epoch
    await this.downlink.resume(this.conversation)
    await settled()
  }

  async take(command: Command): Promise<void> {
    await this.downlink.take(command, this.conversation)
    await settled()
  }

  async answer(status: CommandResult['status'] = 'accepted'): Promise<void> {
    this.open.shift()?.answer({ status })
    await settled()
  }

  async outcomes(): Promise<{ commandId: string; status: string; error?: { code: string } }[]> {
    const { rows } = await this.journal.readAfter('ledger', 0, 10_000, 100_000_000)
    return rows
      .map((it) => JSON.parse(it.fact))
      .filter((it) => it.kind === 'command.outcome')
      .map((it) => it.data)
  }

  async said(id: string): Promise<string[]> {
    return (await this.outcomes()).filter((it) => it.commandId === id).map((it) => it.status)
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
function command(site: Site, id: string, more: Partial<Command> & { ttlMs?: number } = {}): Command {
  const { ttlMs = 60_000, ...rest } = more
  return {
    id,
    stationId: 'S',
    kind: 'Reset',
    args: { type: 'Soft' },
    issuedAt: new Date(site.cloudMs).toISOString(),
    expiresAt: new Date(site.cloudMs + ttlMs).toISOString(),
    ...rest,
  }
}
const stop = { kind: 'RemoteStop', args: { sessionId: 'x' } }

describe('a command', () => {
  it('expires by the time of the cloud, whatever the clock of the site says', async () => {
    const site = await new Site().boot()
    const late = command(site, 'late')
    const good = command(site, 'good')
    await site.take(good)
    site.cloudMs += 60_000
    await site.take(late)
    expect([...site.effects.keys()]).toEqual(['good'])
    expect(await site.said('late')).toEqual(['expired'])
  })

  it('that asks for the messages of a station is taken, though it is no command of the API; another unknown kind is not', async () => {
    const site = await new Site().boot()
    await site.take(command(site, 'messages', { kind: MESSAGES_KIND, args: {} }))
    await site.take(command(site, 'dance', { kind: 'Dance' }))
    expect([...site.effects.keys()]).toEqual(['messages'])
    expect(await site.said('dance')).toEqual(['failed'])
  })

  it('whose outcome finds no room on the disk is not carried out again, and is told when there is room', async () => {
    const site = await new Site().boot()
    const once = command(site, 'once')
    await site.take(once)
    site.journal.full = true
    await site.answer('accepted')
    await site.welcome()
    await site.take(once)
    expect(await site.said('once')).toEqual([])
    site.journal.full = false
    await site.take(once)
    expect(await site.said('once')).toEqual(['accepted'])
    expect(site.effects.get('once')).toHaveLength(1)
  })

  it('that a restart cut off is unknown even if the disk was full at that restart', async () => {
    const site = await new Site().boot()
    await site.take(command(site, 'cut'))
    await site.journal.close()
    await site.boot(true)
    await site.welcome()
    expect(await site.said('cut')).toEqual([])
    site.journal.full = false
    await site.welcome()
    expect(await site.said('cut')).toEqual(['unknown'])
    expect(site.effects.get('cut')).toHaveLength(1)
  })

  it('that may be repeated and was cut off past its expiry is unknown, not expired: it may have been done', async () => {
    const site = await new Site().boot()
    await site.take(command(site, 'stop', stop))
    await site.crash()
    site.cloudMs += 120_000
    await site.welcome()
    expect(await site.said('stop')).toEqual(['unknown'])
    expect(site.effects.get('stop')).toHaveLength(1)
  })

  it('that waited for its station when the controller stopped is unknown: another box with this card may have sent it', async () => {
    const site = await new Site().boot()
    site.away = true
    await site.take(command(site, 'w'))
    await site.crash()
    await site.welcome()
    expect(site.waiting).toHaveLength(0)
    expect(await site.said('w')).toEqual(['unknown'])
    expect(site.effects.has('w')).toBe(false)
  })

  it('that waits when its lane is fenced is not sent when the station comes', async () => {
    const site = await new Site().boot()
    site.away = true
    await site.take(command(site, 'w'))
    site.downlink.fence()
    site.waiting[0]!()
    await settled()
    expect(site.effects.has('w')).toBe(false)
    expect(await site.said('w')).toEqual(['unknown'])
  })

  it('that waits when its epoch ends is given up, and not sent when the station comes', async () => {
    const site = await new Site().boot()
    site.away = true
    await site.take(command(site, 'w'))
    await site.welcome(7)
    site.waiting[0]!()
    await settled()
    expect(site.effects.has('w')).toBe(false)
    expect(await site.said('w')).toEqual(['unknown'])
  })

  it('that a change of epoch made unknown is corrected by its answer, when that comes', async () => {
    const site = await new Site().boot()
    await site.take(command(site, 'c'))
    await site.welcome(7)
    expect(await site.said('c')).toEqual(['unknown'])
    await site.answer('rejected')
    expect(await site.said('c')).toEqual(['unknown', 'rejected'])
    await site.take(command(site, 'c'))
    expect(site.effects.get('c')).toHaveLength(1)
  })

  it('finds room when as many are remembered as may be: what is long over is forgotten first', async () => {
    const site = await new Site().boot()
    // As many as a day of tests of a station brings about: each of them lives for a day.
    const remembered = (id: string, ttlMs: number) => ({
      ...{ kind: 'command', id },
      value: {
        ...{ command: command(site, id, { ttlMs }), epoch: 1, result: { status: 'accepted' } },
      } as unknown as Json,
    })
    const all = Array.from({ length: MAX_REMEMBERED_COMMANDS }, (_, i) =>
      remembered(`old-${i}`, i < 700 ? 600_000 : 86_400_000),
    )
    await site.state.commit({ facts: [], puts: all, deletes: [] })
    await site.take(command(site, 'refused'))
    expect(site.effects.has('refused')).toBe(false)
    site.cloudMs += 3_600_000
    for (const id of ['taken', 'and another']) {
      await site.take(command(site, id))
      expect(site.effects.has(id)).toBe(true)
    }
    // Nothing that has not expired is forgotten: it may be sent again.
    await site.take(command(site, 'old-700', { ttlMs: 86_400_000 }))
    expect(site.effects.has('old-700')).toBe(false)
  })
})

it('whatever happens to it, a command has at most one effect, none after its expiry, and an outcome that is true', {
  timeout: 120_000,
}, async () => {
  const id = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('take' as const), id }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'answer' as const,
          'refuse' as const,
          'crash' as const,
          'welcome' as const,
          'epoch' as const,
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 50_000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('disk' as const), full: fc.boolean() }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 40 }), async (steps) => {
      const site = await new Site().boot()
      // Resent as they were issued; `c` may be repeated after a crash.
      const commands: Record<string, Command> = {
        a: command(site, 'a'),
        b: command(site, 'b', { ttlMs: 20_000 }),
        c: command(site, 'c', stop),
      }
      const answered = new Map<string, string>()
      for (const it of steps) {
        if (it.do === 'take') await site.take(commands[it.id]!).catch(() => {})
        if (it.do === 'answer' || it.do === 'refuse') {
          const [first] = site.open
          const status = it.do === 'answer' ? 'accepted' : 'rejected'
          if (first) answered.set(first.id, status)
          await site.answer(status)
        }
        if (it.do === 'crash') await site.crash()
        if (it.do === 'welcome') await site.welcome()
        if (it.do === 'epoch') await site.welcome(site.epoch + 1).catch(() => {})
        if (it.do === 'wait') site.cloudMs += it.ms
        if (it.do === 'disk') site.journal.full = it.full
      }
      site.journal.full = false
      await site.welcome()
      while (site.open.length > 0) {
        answered.set(site.open[0]!.id, 'accepted')
        await site.answer('accepted')
      }
      for (const [name, at] of site.effects) {
        if (name !== 'c') expect([name, at.length]).toEqual([name, 1])
        for (const ms of at) expect(ms).toBeLessThan(Date.parse(commands[name]!.expiresAt))
      }
      for (const name of Object.keys(commands)) {
        const said = await site.said(name)
        const effects = site.effects.get(name)?.length ?? 0
        // `expired` is the promise that nothing happened; a definite word is that of the station, and is said once.
        if (said.includes('expired')) expect([name, effects, said]).toEqual([name, 0, ['expired']])
        const definite = said.filter((it) => it !== 'unknown' && it !== 'expired')
        expect(definite.length).toBeLessThanOrEqual(1)
        if (definite.length > 0 && name !== 'c') expect(definite).toEqual([answered.get(name)])
        if (effects > 0) expect(said.length).toBeGreaterThan(0)
      }
      await site.journal.close()
    }),
    { numRuns: 150 },
  )
})
