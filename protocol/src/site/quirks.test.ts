import { describe, expect, it } from 'vitest'
import { KNOWN_QUIRKS, type KnownQuirks } from './known-quirks.ts'
import { QUIRK_NAMES, quirksOf } from './quirks.ts'

const names = (...args: Parameters<typeof quirksOf>) => quirksOf(...args).map((it) => it.name)

describe('what is known', () => {
  it('is known by vendor and model, whatever the case, and of nobody else', () => {
    const [entry] = KNOWN_QUIRKS
    expect(quirksOf({ vendor: 'Iocharger', model: 'IOCAW12-22TE-CRW4' })).toEqual([
      { name: 'zero-start-placeholder', source: 'known', reference: entry!.reference },
    ])
    expect(names({ vendor: 'IOCHARGER ', model: 'iocaw12-22te' })).toEqual(['zero-start-placeholder'])
    expect(names({ vendor: 'Iocharger', model: 'OTHER' })).toEqual([])
    expect(names({ vendor: 'Example', model: 'IOCAW12-22TE-CRW4' })).toEqual([])
    expect(names({ vendor: null, model: undefined })).toEqual([])
    expect(names(undefined)).toEqual([])
  })

  it('may name an empty vendor, which is another one than none at all', () => {
    expect(names({ vendor: '', model: 'ACChargePoint' })).toEqual(['watts-only'])
    expect(names({ vendor: 'Huawei', model: 'ACChargePoint' })).toEqual([])
    expect(names({ model: 'ACChargePoint' })).toEqual([])
  })

  it('may be of some firmware only', () => {
    const table: KnownQuirks[] = [
      {
        vendor: 'Acme*',
        model: '*-22*',
        firmware: { from: '1.2', before: '1.10' },
        quirks: ['whole-amps'],
        reference: 'https://example.com/1',
      },
    ]
    const of = (vendor: string, model: string, firmware?: string) =>
      names({ vendor, model, firmware }, {}, table)
    expect(of('Acme Ltd', 'Post-22-T', '1.9.3')).toEqual(['whole-amps'])
    expect(of('Acme', 'X-22', 'V1.2')).toEqual(['whole-amps'])
    expect(of('Acme', 'X-22', '1.10')).toEqual([])
    expect(of('Acme', 'X-22', '1.1')).toEqual([])
    expect(of('Acme', 'X-22', 'nightly')).toEqual([])
    expect(of('Acme', 'X-22')).toEqual([])
    expect(of('Acme', 'X-11', '1.9')).toEqual([])
    expect(of('The Acme', 'X-22', '1.9')).toEqual([])
  })

  it('begins with the firmware of which it was reported first', () => {
    const of = (firmware?: string) => names({ vendor: 'Wall Box Chargers', model: 'CPB1-S-2-4', firmware })
    expect(of('6.7.17')).toEqual(['no-call-before-boot'])
    expect(of('6.6.12')).toEqual(['no-call-before-boot'])
    expect(of('5.17.70')).toEqual([])
    expect(of()).toEqual([])
  })

  it('names a public report for every entry', () => {
    for (const { reference, quirks } of KNOWN_QUIRKS) {
      expect(reference).toMatch(/^https:\/\/github\.com\/[^/]+\/[^/]+\/(issues|pull)\/\d+$/)
      expect(quirks.length).toBeGreaterThan(0)
    }
  })
})

describe('what an operator says', () => {
  const boot = { vendor: 'Iocharger', model: 'IOCAW12' }
  it('of a model goes before what is known, and of the station before both', () => {
    expect(names(boot, { ofModel: { 'zero-start-placeholder': false, 'no-pong': true } })).toEqual([
      'no-pong',
    ])
    const ofStation = { 'zero-start-placeholder': true, 'no-pong': false }
    expect(
      quirksOf(boot, { ofModel: { 'zero-start-placeholder': false, 'no-pong': true }, ofStation }),
    ).toEqual([{ name: 'zero-start-placeholder', source: 'station' }])
  })

  it('holds before the station has booted, and what a later version names is skipped', () => {
    expect(names(undefined, { ofStation: { 'whole-amps': true, 'from-the-future': true } })).toEqual([
      'whole-amps',
    ])
    expect(names(undefined, { ofStation: Object.fromEntries(QUIRK_NAMES.map((it) => [it, true])) })).toEqual(
      QUIRK_NAMES,
    )
  })
})
