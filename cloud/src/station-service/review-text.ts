/** Why a session waits for a person, in a plain sentence with its figures. */
import type { Ended } from '@switchyard/protocol/billing/settle.ts'
import { formatKwh } from '@switchyard/protocol/units.ts'

export function reasonText(reason: string, ended: Ended): string {
  const { startRegisterMilliWh: start, endRegisterMilliWh: end, energyMilliWh: energy } = ended
  const registers = `from ${kwh(start)} to ${kwh(end)}`
  switch (reason) {
    case 'register-falling':
      return `The meter went backwards (${registers}): meters only ever rise.`
    case 'register-implausible-power':
      return `More energy was told (${kwh(energy)} in ${duration(ended.durationMs)}) than the connector can deliver in that time.`
    case 'register-zero-start':
      return `The session began at a register of zero on a meter that stood above zero before: ${kwh(energy)} would be billed, which may be all that the meter ever counted.`
    case 'register-missing':
      return `A register is missing (${registers}): how much energy flowed is not known.`
    case 'unknown-start':
      return `Its start was never told: ${start === undefined ? 'only its end is known' : `the first that was heard of it was at ${ended.startedAt}`}.`
    case 'unplaceable-time':
      return `Nobody can say when it was: its clocks contradict each other (${ended.startedAt} to ${ended.endedAt} is the best guess).`
    case 'no-identity':
      return ended.idToken === undefined
        ? `Energy flowed (${kwh(energy)}) and nobody identified for it.`
        : `Energy flowed (${kwh(energy)}) though the token ${ended.idToken.value} was refused (${ended.authorization}).`
    case 'end-unknown':
      return `Its site has forgotten it (its card was replaced or damaged), so its end will not be told: the last that was heard of it was at ${ended.endedAt}, ${kwh(energy)} until then.`
    case 'overlaps-another-session':
      return 'Another session on the same connector at the same time is billed: one of the two has a wrong time.'
    case 'no-tariff':
      return 'There is no tariff for it. It is billed by itself as soon as there is one.'
    case 'waived-before':
      return 'A person waived it, and its site has told it anew since: it is billed only if a person says so.'
    default:
      return `It is held for "${reason}".`
  }
}

function kwh(milliWh: number | undefined): string {
  return milliWh === undefined ? 'an unknown amount' : `${formatKwh(milliWh)} kWh`
}

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60]
  const words = [...(hours > 0 ? [`${hours} h`] : []), ...(rest > 0 || hours === 0 ? [`${rest} min`] : [])]
  return words.join(' ')
}
