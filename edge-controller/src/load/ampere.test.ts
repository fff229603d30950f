import { expect, it } from 'vitest'
import { ampere } from './ampere.ts'

it('is cut to a tenth, never rounded up, and exact', () => {
  expect([8_100, 8_199, 16_000, 0, 5_999, 32_050].map(ampere)).toEqual([8.1, 8.1, 16, 0, 5.9, 32])
})
