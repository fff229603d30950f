import { describe, expect, it } from 'vitest'
import { PRESENCE_EXPIRY_MS } from './grant.ts'
import { HOLD_MS, type KnownOfSite, type Lane, type Reception, receive } from './greeting.ts'

const NOW = 1_000_000
const head = (seq: number, rowId: string) => ({
  ledger: { seq, rowId },
  telemetry: { seq: 0, rowId: '' },
})
const held = head(3, 'c')
const hello = (more: Partial<Parameters<typeof receive>[2]> = {}) => ({
  journalId: 'J',
  epoch: 1,
  bootId: 'boot-1',
  nonce: 'n',
  heads: held,
  ...more,
})
const lane = (more: Partial<Lane> = {}): Lane => ({
  epoch: 1,
  fenced: false,
  firstHelloMs: 0,
  helloMs: NOW - 1_000,
  bootId: 'boot-1',
  nonce: 'n0',
  recall: null,
  ...more,
})
const site = (lastHeardMs = NOW - 1_000) => ({ journalId: 'J', epoch: 1, lastHeardMs })
const spoken = (more: Partial<Lane> = {}, lastHeardMs?: number): KnownOfSite => ({
  site: site(lastHeardMs),
  lane: lane(more),
  inAuthority: lane(more),
})
const take = (known: KnownOfSite, said: Parameters<typeof receive>[2]): Reception =>
  receive(known, held, said, NOW, 'token')

describe('a hello whose history has parted', () => {
  it.each([
    ['has lost rows', { heads: head(2, 'b') }],
    ['ends in another row', { heads: head(3, 'other') }],
    ['says so itself', { heads: head(9, 'i'), probe: { ledger: { shared: 0, differs: 4 } } }],
  ])('%s: it changes nothing at the site', (_, more) => {
    const other = take(spoken({ bootId: 'boot-0' }), hello(more))
    expect(other).toMatchObject({ forked: true, granted: undefined, lane: undefined, recall: undefined })
    // The box that spoke last is about to give its rows to another journal: what is on its way in this one is refused.
    expect(take(spoken(), hello(more)).lane).toEqual(lane({ nonce: 'n' }))
  })

  it('is not one that is ahead, or of a journal that is not held', () => {
    expect(take(spoken(), hello({ heads: head(4, 'd') })).forked).toBe(false)
    // Its newest row stands for lost ones: which row it was nobody knows.
    expect(take(spoken(), hello({ heads: head(3, 'lost-ledger-3') })).forked).toBe(false)
    const fresh = {
      site: { journalId: null, epoch: 0, lastHeardMs: null },
      lane: undefined,
      inAuthority: undefined,
    }
    expect(receive(fresh, head(0, ''), hello(), NOW, 't')).toMatchObject({ forked: false, came: 'first' })
  })
})

describe('another boot of a journal', () => {
  it('has the one before recalled, and waits with its rows, while that one may be there', () => {
    const taken = take(spoken(), hello({ bootId: 'boot-2' }))
    expect(taken).toMatchObject({
      recall: { epoch: 1, nonce: 'n0', token: 'token' },
      holdMs: HOLD_MS,
      epoch: 1,
      lane: { bootId: 'boot-2', nonce: 'n', recall: { token: 'token', atMs: NOW } },
    })
  })

  it('is simply a restart where the one before was long silent, and where the boot is the same', () => {
    const silent = take(spoken({}, NOW - PRESENCE_EXPIRY_MS - 1), hello({ bootId: 'boot-2' }))
    expect(silent).toMatchObject({ recall: undefined, holdMs: 0, lane: { bootId: 'boot-2' } })
    expect(take(spoken(), hello())).toMatchObject({ recall: undefined, holdMs: 0 })
    // Nor is anybody there beside the holder of a lease.
    const moved = take({ ...spoken(), leased: true }, hello({ bootId: 'boot-2' }))
    expect(moved).toMatchObject({ recall: undefined, holdMs: 0, lane: { bootId: 'boot-2', recall: null } })
  })

  it('that answers a recall has the journal again, and nobody is recalled for it', () => {
    const recalled = spoken({ bootId: 'boot-2', recall: { token: 'asked', atMs: NOW - 10 } })
    const answer = take(recalled, hello({ recall: 'asked' }))
    expect(answer).toMatchObject({ recall: undefined, holdMs: 0, lane: { bootId: 'boot-1', recall: null } })
    expect(take(recalled, hello({ recall: 'guessed' })).recall).toMatchObject({ token: 'token' })
  })
})

describe('the fork of the journal in authority', () => {
  const fork = hello({ journalId: 'K', forkedFrom: 'J', heads: head(1, 'k') })
  const known = (more: Partial<Lane>): KnownOfSite => ({ ...spoken(more), lane: undefined })
  const taken = (more: Partial<Lane>) => receive(known(more), head(0, ''), fork, NOW, 'token')

  it('takes its place at once when it comes from the box that spoke with it last', () => {
    expect(taken({})).toMatchObject({ came: 'forked', granted: { authority: true, fences: 'J', epoch: 2 } })
  })

  it('is fenced when another box spoke last, or may yet answer', () => {
    expect(taken({ bootId: 'boot-9' })).toMatchObject({ came: undefined, granted: { authority: false } })
    const contested = { recall: { token: 'x', atMs: NOW - 1_000 } }
    expect(taken(contested)).toMatchObject({ granted: { authority: false } })
    const unanswered = { recall: { token: 'x', atMs: NOW - PRESENCE_EXPIRY_MS - 1 } }
    expect(taken(unanswered)).toMatchObject({ granted: { authority: true } })
  })
})
