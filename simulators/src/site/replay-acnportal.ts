/** Session files as acnportal keeps its event queues: a JSON string in JSON, EVs in periods of five minutes. */
import { energyToMilliWh } from '@switchyard/protocol/units.ts'
import { type Recorded, ReplayError } from './recorded.ts'

/** The file does not say how long its periods are; the published ones have five minutes. */
const PERIOD_MS = 5 * 60_000

/** Reads every EV in it; the first bad value throws ReplayError with the object and attribute. */
export function readAcnportal(file: string, text: string): Recorded[] {
  const outer = json(file, text)
  const root = typeof outer === 'string' ? json(file, outer) : outer
  const objects = (root as { context_dict?: unknown } | null)?.context_dict
  if (typeof objects !== 'object' || objects === null) throw new ReplayError(file, 'there is no context_dict')
  const recorded: Recorded[] = []
  for (const [id, object] of Object.entries(objects)) {
    const { class: kind, attributes } = (object ?? {}) as { class?: unknown; attributes?: unknown }
    if (typeof kind !== 'string' || !kind.endsWith('.EV')) continue
    const values = (attributes ?? {}) as Record<string, unknown>
    const bad = (name: string, what: string) =>
      new ReplayError(
        file,
        `object ${id}, attribute ${name}: ${JSON.stringify(values[name])?.slice(0, 60)} is ${what}`,
      )
    const period = (name: string) => {
      const value = values[name]
      if (!Number.isSafeInteger(value) || (value as number) < 0) throw bad(name, 'no period')
      return (value as number) * PERIOD_MS
    }
    const arrivalMs = period('_arrival')
    const departureMs = period('_departure')
    if (departureMs <= arrivalMs) throw bad('_departure', 'not after the arrival')
    const energy = values._requested_energy
    const energyMilliWh = typeof energy === 'number' ? energyToMilliWh(energy, 'kWh') : undefined
    if (energyMilliWh === undefined || energyMilliWh < 0) throw bad('_requested_energy', 'no energy in kWh')
    if (typeof values._station_id !== 'string') throw bad('_station_id', 'no station')
    recorded.push({ arrivalMs, departureMs, energyMilliWh, station: values._station_id })
  }
  return recorded
}

function json(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ReplayError(file, `not JSON: ${(error as Error).message.slice(0, 200)}`)
  }
}
