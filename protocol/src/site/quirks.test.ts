import { expect, it } from 'vitest'
import { quirksOf } from './quirks.ts'

it('are known by vendor and model, whatever the case, and of nobody else', () => {
  expect(quirksOf('Iocharger', 'IOCAW12-22TE-CRW4')).toEqual(['zero-start-placeholder'])
  expect(quirksOf('IOCHARGER ', 'iocaw12-22te')).toEqual(['zero-start-placeholder'])
  expect(quirksOf('Iocharger', 'OTHER')).toEqual([])
  expect(quirksOf('Example', 'IOCAW12-22TE-CRW4')).toEqual([])
  expect(quirksOf(null, undefined)).toEqual([])
})
