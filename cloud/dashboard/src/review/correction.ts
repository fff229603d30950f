/** What of a form differs from what the site told: only that is sent. */
import type { ReviewValues } from '@switchyard/protocol/api/reviews.ts'
import { InputError } from '../api/problem.ts'
import { kwhField, whOfKwh } from '../format/energy.ts'
import { epochOfZoned, zonedText } from '../format/zoned-input.ts'

/** Throws InputError when a field cannot be read. */
export function correctionOf(form: FormData, told: ReviewValues, zone: string): Record<string, unknown> {
  const text = (name: string) => String(form.get(name) ?? '').trim()
  const changed: Record<string, unknown> = {}
  const registers = [
    ['startRegister', 'startRegisterWh', told.startRegisterWh],
    ['endRegister', 'endRegisterWh', told.endRegisterWh],
  ] as const
  for (const [field, name, before] of registers)
    if (text(field) !== '' && text(field) !== kwhField(before)) changed[name] = wh(text(field))
  if (text('energy') !== '') changed.energyWh = wh(text('energy'))
  for (const name of ['startedAt', 'endedAt'] as const)
    if (text(name) !== '' && withSeconds(text(name)) !== zonedText(Date.parse(told[name]), zone))
      changed[name] = instant(text(name), zone)
  const idToken = text('idToken')
  if (idToken !== (told.idToken?.value ?? '')) changed.idToken = idToken === '' ? null : { value: idToken }
  if (form.get('override') !== null) changed.override = true
  return changed
}

function wh(kwh: string): string {
  const text = whOfKwh(kwh)
  if (text === undefined) throw new InputError(`"${kwh}" is no amount of kWh with at most six decimals`)
  return text
}

/** A browser leaves seconds out that are zero. */
function withSeconds(text: string): string {
  return text.length === 16 ? `${text}:00` : text
}

function instant(text: string, zone: string): string {
  const epochMs = epochOfZoned(text, zone)
  if (epochMs === undefined) throw new InputError(`"${text}" is no date and time`)
  return new Date(epochMs).toISOString()
}
