import { describe, expect, it } from 'vitest'
import { compareFirmware, isInRange } from './firmware-version.ts'

describe('versions are compared from the left', () => {
  it.each([
    ['1.8.2', '1.8.10'],
    ['V1.8.21', '1.9'],
    ['055.5', '56.8'],
    ['25101501', '26010101'],
    ['V100R023C10SPC220', 'V100R024C10SPC186'],
    ['THOR_11AS-V5.2.4-20230307-NOVO', 'THOR_11AS-V5.3.0'],
    ['1.24.0819.WL', '1.24.0901.WL'],
    ['1.8', '1.8.1'],
    ['1.8-20240101', '1.8.1'],
    ['99999999999999999999', '100000000000000000000'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareFirmware(older, newer)).toBeLessThan(0)
    expect(compareFirmware(newer, older)).toBeGreaterThan(0)
  })

  it.each([
    ['1.8', '1.8.0'],
    ['v1.8', 'V01.8'],
    ['1.8-rc1', '1.8'],
    ['5.2.4-20230307-NOVO', '5.2.4'],
    ['5.2.4 ', '5.2.4'],
  ])('%s is as old as %s', (a, b) => {
    expect(compareFirmware(a, b)).toBe(0)
    expect(compareFirmware(b, a)).toBe(0)
  })

  it.each([
    ['beta', '1.8'],
    ['A1.8', 'B1.8'],
    ['V100R023', 'V100C010'],
    ['1.8-7', '1.8_7'],
    ['', '1'],
    [`1${'0'.repeat(100)}`, '1'],
  ])('%s and %s cannot be compared', (a, b) => {
    expect(compareFirmware(a, b)).toBeUndefined()
    expect(compareFirmware(b, a)).toBeUndefined()
  })
})

describe('a range', () => {
  it('holds from its first version up to where it was mended', () => {
    const range = { from: '1.6', before: '1.8' }
    expect(['1.5.9', '1.6', 'v1.7.3', '1.8.0', '1.9'].map((it) => isInRange(it, range))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ])
  })

  it('holds nothing that was not told, and nothing that cannot be compared', () => {
    for (const firmware of [undefined, null, '', ' ', 'nightly', 'R1.7'])
      expect(isInRange(firmware, { from: '1.6', before: '1.8' })).toBe(false)
    expect(isInRange('R1.7', { before: '1.8' })).toBe(false)
  })

  it('finds such versions by their text, or by how it begins', () => {
    expect(isInRange('Nightly', { is: ['nightly'] })).toBe(true)
    expect(isInRange('nightly-7', { is: ['nightly'] })).toBe(false)
    expect(isInRange('NIGHTLY-7', { is: ['nightly*'] })).toBe(true)
    expect(isInRange('THOR_11AS-V5.1', { is: ['THOR_11AS*'], before: 'THOR_11AS-V5.2' })).toBe(true)
    expect(isInRange('THOR_22AS-V5.1', { is: ['THOR_11AS*'], before: 'THOR_11AS-V5.2' })).toBe(false)
  })

  it('reads the version behind a mark, where a serial number stands before it', () => {
    const range = { after: '::', from: '1.8.0', before: '1.8.30' }
    expect(isInRange('TAC3Z9119006710273::V1.8.21', range)).toBe(true)
    expect(isInRange('TAC3Z9119006710273::V1.8.32', range)).toBe(false)
    expect(isInRange('V1.8.21', range)).toBe(false)
  })
})
