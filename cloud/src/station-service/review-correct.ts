/** What a session comes to when a person corrects it, or why it cannot be. Pure. */
import type { ReviewCorrectInput } from '@switchyard/protocol/api/reviews.ts'
import { mostMilliWh } from '@switchyard/protocol/billing/plausible.ts'
import type { Ended } from '@switchyard/protocol/billing/settle.ts'
import { instant, isKeepable, parseInstant } from '@switchyard/protocol/instant.ts'
import { formatWh } from '@switchyard/protocol/units.ts'
import type { ReviewedValues } from '../platform/event-log/cloud-fact.ts'

export type Corrected =
  | { ok: true; values: ReviewedValues }
  | { ok: false; errors: { path: string; message: string }[] }

const CORRECTABLE = [
  'startedAt',
  'endedAt',
  'startRegisterWh',
  'endRegisterWh',
  'energyWh',
  'idToken',
] as const

export function correct(
  told: Ended,
  input: ReviewCorrectInput,
  { maxPowerW, nowMs }: { maxPowerW: number; nowMs: number },
): Corrected {
  const errors: { path: string; message: string }[] = []
  const wrong = (path: string, message: string): void => {
    errors.push({ path, message })
  }
  if (CORRECTABLE.every((name) => input[name] === undefined))
    wrong('', `names nothing to correct: one of ${CORRECTABLE.join(', ')}`)
  if (input.override && input.note === undefined) wrong('note', 'says why, where "override" is true')

  const [startedMs, endedMs] = [input.startedAt ?? told.startedAt, input.endedAt ?? told.endedAt].map(placed)
  if (startedMs === undefined) wrong('startedAt', 'is needed: the site told no time that can be')
  if (endedMs === undefined) wrong('endedAt', 'is needed: the site told no time that can be')
  if (startedMs !== undefined && endedMs !== undefined && endedMs < startedMs)
    wrong('endedAt', 'is before the start')
  if (input.endedAt !== undefined && endedMs !== undefined && endedMs > nowMs)
    wrong('endedAt', 'is in the future')

  const registers = registersOf(told, input)
  const { start, end } = registers
  const difference = start === undefined || end === undefined ? undefined : end - start
  const energy = input.energyWh ?? difference
  if (difference !== undefined && difference < 0) wrong('endRegisterWh', 'is below the register at the start')
  else if (energy === undefined)
    wrong('energyWh', 'is needed: the registers do not tell how much energy flowed')
  else if (difference !== undefined && difference !== energy)
    wrong('energyWh', `is not the difference of the registers, ${formatWh(difference)} Wh`)
  if (startedMs === undefined || endedMs === undefined || energy === undefined || errors.length > 0)
    return { ok: false, errors }

  // A person who moves neither end leaves the duration as the site measured it.
  const moved = input.startedAt !== undefined || input.endedAt !== undefined
  const durationMs = moved ? endedMs - startedMs : told.durationMs
  const most = mostMilliWh(maxPowerW, durationMs)
  if (energy > most && !input.override) {
    wrong(
      'energyWh',
      `${formatWh(energy)} Wh is more than the connector delivers in that time (${formatWh(most)} Wh); "override": true with a note bills it all the same`,
    )
    return { ok: false, errors }
  }
  const idToken = input.idToken === undefined ? told.idToken : (input.idToken ?? undefined)
  return {
    ok: true,
    values: {
      startedAt: instant(startedMs),
      endedAt: instant(endedMs),
      durationMs,
      ...(start === undefined ? {} : { startRegisterMilliWh: start }),
      ...(end === undefined ? {} : { endRegisterMilliWh: end }),
      energyMilliWh: energy,
      ...(idToken === undefined ? {} : { idToken }),
    },
  }
}

/** Energy alone moves the start, which is the register that stations get wrong; without an end it moves that. */
function registersOf(
  { startRegisterMilliWh, endRegisterMilliWh }: Ended,
  { startRegisterWh, endRegisterWh, energyWh }: ReviewCorrectInput,
): { start: number | undefined; end: number | undefined } {
  const start = startRegisterWh ?? startRegisterMilliWh
  const end = endRegisterWh ?? endRegisterMilliWh
  if (energyWh === undefined) return { start, end }
  if (startRegisterWh !== undefined) return { start, end: end ?? startRegisterWh + energyWh }
  if (end !== undefined) return { start: end >= energyWh ? end - energyWh : undefined, end }
  return { start, end: start === undefined ? undefined : start + energyWh }
}

function placed(at: string): number | undefined {
  const epochMs = parseInstant(at)
  return epochMs !== undefined && isKeepable(epochMs) ? epochMs : undefined
}

/** What a decision looks at, of the session as its site told it. */
export function valuesOf(told: Ended): ReviewedValues {
  const { startRegisterMilliWh, endRegisterMilliWh, energyMilliWh, idToken } = told
  return {
    startedAt: told.startedAt,
    endedAt: told.endedAt,
    durationMs: told.durationMs,
    ...(startRegisterMilliWh === undefined ? {} : { startRegisterMilliWh }),
    ...(endRegisterMilliWh === undefined ? {} : { endRegisterMilliWh }),
    ...(energyMilliWh === undefined ? {} : { energyMilliWh }),
    ...(idToken === undefined ? {} : { idToken }),
  }
}
