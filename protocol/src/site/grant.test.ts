import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  give,
  grant,
  LATE_PICTURE_MS,
  type LaneState,
  PRESENCE_EXPIRY_MS,
  type SiteAuthority,
} from './grant.ts'

const fresh: SiteAuthority = { journalId: null, epoch: 0, lastHeardMs: null }

describe('a grant', () => {
  it('goes to the first journal of a site', () => {
    expect(grant(fresh, undefined, { journalId: 'a', epoch: 0 }, 0)).toMatchObject({
      authority: true,
      epoch: 1,
    })
  })

  it('keeps the epoch of the lane in authority', () => {
    const site = { journalId: 'a', epoch: 5, lastHeardMs: 0 }
    expect(grant(site, { epoch: 3, fenced: false }, { journalId: 'a', epoch: 3 }, 1)).toMatchObject({
      epoch: 3,
    })
    expect(grant(site, { epoch: 3, fenced: false }, { journalId: 'a', epoch: 1 }, 1)).toMatchObject({
      epoch: 3,
    })
  })

  it('goes above an epoch that only the site remembers', () => {
    const site = { journalId: 'a', epoch: 5, lastHeardMs: 0 }
    expect(grant(site, { epoch: 3, fenced: false }, { journalId: 'a', epoch: 9 }, 1)).toMatchObject({
      epoch: 10,
    })
  })

  it('is refused to a new journal while the lane in authority is heard, and passes to it after the expiry', () => {
    const site = { journalId: 'a', epoch: 5, lastHeardMs: 0 }
    const hello = { journalId: 'b', epoch: 0 }
    expect(grant(site, undefined, hello, PRESENCE_EXPIRY_MS)).toMatchObject({
      authority: false,
      fences: undefined,
    })
    expect(grant(site, undefined, hello, PRESENCE_EXPIRY_MS + 1)).toMatchObject({
      authority: true,
      epoch: 6,
      fences: 'a',
    })
  })

  it('is never given to a fenced lane, however long the other is silent', () => {
    const site = { journalId: 'a', epoch: 5, lastHeardMs: 0 }
    const granted = grant(site, { epoch: 2, fenced: true }, { journalId: 'b', epoch: 2 }, 1e12)
    expect(granted).toMatchObject({ authority: false, fencedBecause: undefined })
  })

  it('passes to a journal that was fenced as new, once the other has been silent since, and never if it was heard', () => {
    const lane = { epoch: 2, fenced: true, firstHelloMs: 10_000 }
    const hello = { journalId: 'b', epoch: 2 }
    const silentSince = (lastHeardMs: number, nowMs: number) =>
      grant({ journalId: 'a', epoch: 5, lastHeardMs }, lane, hello, nowMs)
    expect(silentSince(9_000, 9_000 + PRESENCE_EXPIRY_MS).authority).toBe(false)
    expect(silentSince(9_000, 9_001 + PRESENCE_EXPIRY_MS)).toMatchObject({
      authority: true,
      epoch: 6,
      fences: 'a',
    })
    const late = 10_000 + LATE_PICTURE_MS
    expect(silentSince(late, 1e9).authority).toBe(true)
    expect(silentSince(late + 1, 1e9).authority).toBe(false)
  })

  it('passes at once to the fork of a box that gave up the journal in authority', () => {
    const site = { journalId: 'a', epoch: 5, lastHeardMs: 0 }
    const hello = { journalId: 'b', epoch: 5, succeeds: true }
    expect(grant(site, undefined, hello, 1)).toMatchObject({ authority: true, epoch: 6, fences: 'a' })
    expect(grant(site, { epoch: 3, fenced: true }, hello, 1)).toMatchObject({ authority: false })
  })

  it('by an operator exceeds every epoch, and given twice is given once', () => {
    const site = { journalId: 'a', epoch: 5, lastHeardMs: 0 }
    const given = give(site, 'b', { epoch: 9, fenced: true })
    expect(given).toMatchObject({ authority: true, epoch: 10, fences: 'a' })
    const after = { ...given.site, lastHeardMs: 0 }
    expect(give(after, 'b', { epoch: 10, fenced: false })).toMatchObject({ epoch: 10, fences: undefined })
    expect(grant(after, { epoch: 10, fenced: false }, { journalId: 'b', epoch: 9 }, 1)).toMatchObject({
      authority: true,
      epoch: 10,
    })
    expect(grant(after, { epoch: 5, fenced: true }, { journalId: 'a', epoch: 5 }, 1)).toMatchObject({
      authority: false,
    })
  })

  it('holds for any order of hellos: epochs of authority rise, one lane has it, asking twice changes nothing', () => {
    const hello = fc.record({
      journalId: fc.constantFrom('a', 'b', 'c'),
      epoch: fc.integer({ min: 0, max: 20 }),
      succeeds: fc.boolean(),
      laterMs: fc.integer({ min: 0, max: 3 * PRESENCE_EXPIRY_MS }),
    })
    fc.assert(
      fc.property(fc.array(hello, { maxLength: 40 }), (hellos) => {
        let site = fresh
        let now = 0
        let highest = 0
        let holder: { journalId: string; epoch: number } | undefined
        const lanes = new Map<string, LaneState>()
        for (const it of hellos) {
          now += it.laterMs
          const first = grant(site, lanes.get(it.journalId), it, now)
          apply(it.journalId, first)
          const second = grant(site, lanes.get(it.journalId), it, now)
          expect([second.authority, second.epoch, second.site]).toEqual([
            first.authority,
            first.epoch,
            first.site,
          ])
          if (!first.authority) continue
          const same = holder?.journalId === it.journalId && holder.epoch === first.epoch
          if (!same)
            expect(first.epoch).toBeGreaterThan(
              Math.max(highest, it.epoch === first.epoch ? 0 : it.epoch - 1),
            )
          holder = { journalId: it.journalId, epoch: first.epoch }
          highest = Math.max(highest, first.epoch)
          expect([...lanes].filter(([, lane]) => !lane.fenced).map(([id]) => id)).toEqual([it.journalId])
        }

        function apply(journalId: string, granted: ReturnType<typeof grant>): void {
          const firstHelloMs = lanes.get(journalId)?.firstHelloMs ?? now
          lanes.set(journalId, { epoch: granted.epoch, fenced: !granted.authority, firstHelloMs })
          const fenced = granted.fences && lanes.get(granted.fences)
          if (granted.fences && fenced) lanes.set(granted.fences, { ...fenced, fenced: true })
          site = { ...granted.site, lastHeardMs: granted.authority ? now : site.lastHeardMs }
        }
      }),
    )
  })
})
