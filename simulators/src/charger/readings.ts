/** What the meter of a connector reads. */
import { formatWh, type MilliWh } from '@switchyard/protocol/units.ts'
import { VOLTAGE_V } from '../car/car.ts'
import type { Connector } from './connector.ts'
import type { Reading } from './session.ts'
import { type Measurand, measurandOf } from './settings.ts'

const PHASES = ['L1', 'L2', 'L3'] as const
type Phase = (typeof PHASES)[number]

/**
 * Readings for a list of measurands. Current and voltage come per phase; a measurand with a phase behind it gives that
 * phase alone. What the moment does not offer (a state of charge without a car) is left out.
 */
export function readMeter(
  connector: Connector,
  names: readonly string[],
  registerMilliWh: MilliWh,
): Reading[] {
  return names.flatMap((name) => {
    const asked = measurandOf(name)
    return asked ? read(connector, asked.measurand, asked.phase, registerMilliWh) : []
  })
}

function read(
  { car, offer, hardware }: Connector,
  measurand: Measurand,
  phase: Phase | undefined,
  registerMilliWh: MilliWh,
): Reading[] {
  const phases = PHASES.slice(0, hardware.phases).filter((it) => phase === undefined || it === phase)
  const currentMa = (on: Phase) => (car && PHASES.indexOf(on) < car.phases ? car.currentMa : 0)
  switch (measurand) {
    case 'Energy.Active.Import.Register':
      return [{ measurand, value: formatWh(registerMilliWh), unit: 'Wh' }]
    case 'Power.Active.Import': {
      if (phase === undefined) return [{ measurand, value: watts(car?.powerMw ?? 0), unit: 'W' }]
      return phases.map((on) => ({
        measurand,
        value: watts(currentMa(on) * VOLTAGE_V),
        unit: 'W',
        phase: on,
      }))
    }
    case 'Current.Import':
      return phases.map((on) => ({ measurand, value: amperes(currentMa(on)), unit: 'A', phase: on }))
    case 'Voltage':
      return phases.map((on) => ({ measurand, value: String(VOLTAGE_V), unit: 'V', phase: on }))
    case 'Current.Offered':
      return [{ measurand, value: amperes(offer.currentMa), unit: 'A' }]
    case 'Power.Offered':
      return [{ measurand, value: watts(offer.currentMa * VOLTAGE_V * offer.phases), unit: 'W' }]
    case 'SoC': {
      if (!car) return []
      return [{ measurand, value: String(Math.floor(car.socPermille / 10)), unit: 'Percent', location: 'EV' }]
    }
  }
}

/** mA -> A, exact: 8050 -> "8.05". */
function amperes(currentMa: number): string {
  const decimals = String(currentMa % 1000)
    .padStart(3, '0')
    .replace(/0+$/, '')
  return `${Math.floor(currentMa / 1000)}${decimals === '' ? '' : `.${decimals}`}`
}

/** mW -> whole W, half up. */
function watts(powerMw: number): string {
  return String(Math.floor((powerMw + 500) / 1000))
}
