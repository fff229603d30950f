import { expect, test } from 'vitest'
import { agoText, durationText } from './duration.ts'
import { countText, currentText, energyText, milliWhOf, powerText } from './energy.ts'
import { amountText, decimalText, priceText } from './money.ts'
import { instantText, knownZone, timeText, zoneAbbreviation, zoneOffset } from './time.ts'

const ms = (instant: string) => Date.parse(instant)

test('times stand in the zone of the site, with its abbreviation', () => {
  const epochMs = ms('2026-11-23T23:30:05Z')
  expect(instantText(epochMs, 'Europe/Berlin')).toBe('24 Nov 2026, 00:30 CET')
  expect(instantText(epochMs, 'America/New_York', { seconds: true })).toBe('23 Nov 2026, 18:30:05 EST')
  expect(instantText(epochMs, 'UTC')).toBe('23 Nov 2026, 23:30 UTC')
  // which zones have an abbreviation depends on the browser's data
  expect(zoneAbbreviation(epochMs, 'Asia/Dubai')).toMatch(/^(GST|GMT\+4)$/)
  expect(zoneOffset(epochMs, 'Europe/Berlin')).toBe('GMT+1')
})

test('the repeated hour can be told apart, the skipped one never shows', () => {
  expect(timeText(ms('2026-10-25T00:30:00Z'), 'Europe/Berlin')).toBe('02:30 CEST')
  expect(timeText(ms('2026-10-25T01:30:00Z'), 'Europe/Berlin')).toBe('02:30 CET')
  expect(timeText(ms('2026-03-29T00:59:59Z'), 'Europe/Berlin')).toBe('01:59 CET')
  expect(timeText(ms('2026-03-29T01:00:00Z'), 'Europe/Berlin')).toBe('03:00 CEST')
})

test('the date is left out on the same day of the site, the year in the same year', () => {
  const nowMs = ms('2026-11-23T23:30:00Z')
  const short = (instant: string, zone: string) => instantText(ms(instant), zone, { short: true, nowMs })
  expect(short('2026-11-23T22:30:00Z', 'Europe/Berlin')).toBe('23 Nov, 23:30 CET')
  expect(short('2026-11-23T22:30:00Z', 'UTC')).toBe('22:30 UTC')
  expect(short('2025-12-31T22:59:00Z', 'Europe/Berlin')).toBe('31 Dec 2025, 23:59 CET')
})

test('a zone that this browser does not know is shown as UTC, and says so', () => {
  expect(knownZone('Mars/Olympus')).toBe('UTC')
  expect(knownZone(undefined)).toBe('UTC')
  expect(knownZone('Europe/Berlin')).toBe('Europe/Berlin')
})

test('energy is shown digit for digit', () => {
  expect(energyText(milliWhOf(20_000))).toBe('20.000 kWh')
  expect(energyText(milliWhOf(0.001))).toBe('0.000001 kWh')
  expect(energyText(milliWhOf(12_345.678))).toBe('12.345678 kWh')
  expect(energyText(milliWhOf(12_345.6))).toBe('12.3456 kWh')
  expect(energyText(milliWhOf(19_999.999), 3)).toBe('19.999 kWh')
  expect(energyText(milliWhOf(1_234_567_890.5), 1)).toBe('1\u202f234\u202f567.8 kWh')
  expect(energyText(-1_500_000)).toBe('−1.500 kWh')
})

test('power and current have one decimal', () => {
  expect(powerText(7_249)).toBe('7.2 kW')
  expect(powerText(0)).toBe('0.0 kW')
  expect(powerText(149_960)).toBe('150.0 kW')
  expect(currentText(16_000)).toBe('16.0 A')
  expect(countText(1_204)).toBe('1\u202f204')
})

test('money is the text of the API with its currency', () => {
  expect(amountText('12.34', 'EUR')).toBe('12.34 EUR')
  expect(amountText('-1234567.80', 'SEK')).toBe('−1\u202f234\u202f567.80 SEK')
  expect(amountText('odd', 'EUR')).toBe('odd EUR')
  expect(decimalText('0.2500')).toBe('0.25')
  expect(decimalText('20')).toBe('20')
  expect(decimalText(0.25)).toBe('0.25')
  expect(priceText('1')).toBe('1.00')
  expect(priceText(0.5)).toBe('0.50')
  expect(priceText('0.2550')).toBe('0.255')
})

test('durations and ages', () => {
  expect(durationText(59_999)).toBe('59 s')
  expect(durationText(2 * 3_600_000)).toBe('2 h')
  expect(durationText(7_500_000)).toBe('2 h 5 min')
  expect(durationText(76 * 3_600_000)).toBe('3 d 4 h')
  expect(agoText(10_000, 9_000)).toBe('just now')
  expect(agoText(10_000, 22_000)).toBe('12 s ago')
})
