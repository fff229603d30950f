/** A tariff of ours as a 2.1 station computes with it (block I), as far as that comes to the same: else why it does not. Pure. */
import { createHash } from 'node:crypto'
import type { TariffType, TaxRateType } from '@switchyard/protocol/ocpp/v21.ts'
import type { PriceComponent, PriceDimension, Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import { decimalToInteger } from '@switchyard/protocol/units.ts'
import type { DefaultTariff } from '../reconcile-tariff.ts'

/** Longest text of a MessageContentType. */
const MAX_TEXT_CHARS = 1_024
const HASH_CHARS = 8

export function defaultTariff(tariff: Tariff): DefaultTariff {
  const of = (dimension: PriceDimension) => {
    const components = tariff.elements.flatMap((element) => element.price_components)
    return components.find(({ type }) => type === dimension)
  }
  const [energy, time, flat] = [of('ENERGY'), of('TIME'), of('FLAT')]
  // The digest makes another tariff of one that has changed: stations refuse an id that they have.
  const digest = createHash('sha256').update(JSON.stringify(tariff)).digest('hex').slice(0, HASH_CHARS)
  const tariffId = `${tariff.id}-${digest}`
  const stepped = [energy, time].find((it) => it !== undefined && it.step_size > 1)
  if (stepped) return { tariffId, unfit: `OCPP 2.1 has no steps, and ${stepped.type} is billed in steps` }
  // In millionths: of a price with four places, a sixtieth that ends at all ends there.
  const perHour = time && decimalToInteger(time.price, 6)
  if (time && (perHour === undefined || perHour % 60 !== 0))
    return {
      tariffId,
      unfit: `OCPP 2.1 prices time by the minute, of which ${time.price} an hour is no decimal`,
    }
  // Time is billed whether the car draws or not.
  const byTime = time && {
    prices: [{ priceMinute: Number(`${(perHour ?? 0) / 60}e-6`) }],
    ...taxOf(time),
  }
  const texts = tariff.tariff_alt_text ?? []
  const said: TariffType = {
    tariffId,
    currency: tariff.currency,
    ...(energy ? { energy: { prices: [{ priceKwh: Number(energy.price) }], ...taxOf(energy) } } : {}),
    ...(byTime ? { chargingTime: byTime, idleTime: byTime } : {}),
    ...(flat ? { fixedFee: { prices: [{ priceFixed: Number(flat.price) }], ...taxOf(flat) } } : {}),
    ...(texts.length === 0
      ? {}
      : {
          description: texts.map(({ language, text }) => ({
            ...{ format: 'UTF8' as const, language, content: text.slice(0, MAX_TEXT_CHARS) },
          })),
        }),
  }
  return {
    tariffId,
    call: { action: 'SetDefaultTariff', payload: { evseId: 0, tariff: JSON.parse(JSON.stringify(said)) } },
  }
}

function taxOf({ vat }: PriceComponent): { taxRates?: TaxRateType[] } {
  return vat === undefined ? {} : { taxRates: [{ type: 'VAT', tax: Number(vat) }] }
}
