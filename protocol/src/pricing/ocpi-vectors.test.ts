/**
 * OCPI tariff vectors of others, where they are present: `$SWITCHYARD_DATA/ocpi-tariffs` (default `../shared/data` beside the
 * project). What this pricing does not know yet is skipped, each with its reason.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Big from 'big.js'
import { describe, expect, test } from 'vitest'
import { price } from './price.ts'
import { tariff, unsupportedTerms } from './tariff.ts'

const projectRoot = fileURLToPath(new URL('../../..', import.meta.url))
const vectors = join(
  process.env.SWITCHYARD_DATA ?? join(projectRoot, '../shared/data'),
  'ocpi-tariffs/tandemdrive',
)

interface OcpiCdr {
  start_date_time: string
  end_date_time: string
  charging_periods: { dimensions: { type: string; volume: number }[] }[]
  total_cost: { excl_vat: number; incl_vat: number }
  total_time: number
}

/** Why this pricing cannot take a CDR of the vectors; undefined when it can. */
function skipReason(sentTariff: unknown): string | undefined {
  const unsupported = unsupportedTerms(sentTariff)
  if (unsupported.length > 0) return unsupported.map((t) => t.path).join(', ')
  const parsed = tariff.safeParse(sentTariff)
  return parsed.success ? undefined : `not read: ${parsed.error.issues[0]?.path.join('.')}`
}

function volume(cdr: OcpiCdr, type: string): Big {
  return cdr.charging_periods
    .flatMap((p) => p.dimensions)
    .filter((d) => d.type === type)
    .reduce((sum, d) => sum.plus(d.volume), new Big(0))
}

function toInteger(value: Big): number {
  return Number(value.round(0, Big.roundHalfUp).toFixed(0))
}

describe('OCPI vectors', () => {
  if (!existsSync(vectors)) {
    test.skip(`not run: ${vectors} is missing (SWITCHYARD_DATA names where the data lies)`, () => {})
    return
  }
  for (const name of readdirSync(vectors).sort()) {
    const folder = join(vectors, name)
    if (!existsSync(join(folder, 'tariff.json'))) continue
    const sent: unknown = JSON.parse(readFileSync(join(folder, 'tariff.json'), 'utf8'))
    for (const file of readdirSync(folder).filter((f) => f.startsWith('cdr'))) {
      const reason = skipReason(sent)
      if (reason !== undefined) {
        test.skip(`${name}/${file}: skipped, not supported yet: ${reason}`, () => {})
        continue
      }
      test(`${name}/${file}`, () => {
        const cdr = JSON.parse(readFileSync(join(folder, file), 'utf8')) as OcpiCdr
        const parkingMs = toInteger(volume(cdr, 'PARKING_TIME').times(3_600_000))
        const cost = price(tariff.parse(sent), {
          startedAt: cdr.start_date_time,
          endedAt: cdr.end_date_time,
          durationMs: toInteger(new Big(cdr.total_time).times(3_600_000)),
          energyMilliWh: toInteger(volume(cdr, 'ENERGY').times(1_000_000)),
          parkingMs,
        })
        expect([cost.exclTax, cost.inclTax]).toEqual([
          new Big(cdr.total_cost.excl_vat).toFixed(2),
          new Big(cdr.total_cost.incl_vat).toFixed(2),
        ])
      })
    }
  }
})
