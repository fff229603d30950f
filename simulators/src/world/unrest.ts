/** What still moves in a world after everything healed; empty when everything that was to be told is told, everywhere. */
import type { World } from './world.ts'

export function unrestOf({ sites, store }: World): string {
  const unrest: string[] = []
  for (const { box, clones, atBox, isSplit, chargers, limitMa } of sites) {
    for (const charger of chargers)
      if (
        limitMa !== undefined &&
        !isSplit &&
        charger.defaultMa === undefined &&
        !charger.options.quirks.ignoresProfiles
      )
        unrest.push(`${charger.id}: holds no failsafe limit`)
      else if (charger.session || charger.waiting > 0 || !charger.isOnline)
        unrest.push(`${charger.id}: ${charger.waiting} wait, ${charger.isOnline ? 'on' : 'off'} line`)
    for (const it of [box, ...clones]) {
      const status = it.controller?.status()
      const backlog = status?.backlog
      if (!status?.link.linked || !backlog || backlog.ledger + backlog.telemetry > 0)
        unrest.push(`${it.name}: ${JSON.stringify(status?.link)} ${JSON.stringify(backlog)}`)
      else if (it.isWriting) unrest.push(`${it.name}: writes`)
      else if (status.link.generation !== store.generation)
        unrest.push(`${it.name}: has not heard that the cloud was restored`)
      else if (it === atBox && status.sessions > 0) unrest.push(`${it.name}: ${status.sessions} sessions run`)
    }
    const speakers = [box, ...clones].filter((it) => it.controller?.status().link.authority)
    if (speakers.length > 1) unrest.push(`${speakers.map((it) => it.name).join(' and ')} both have authority`)
  }
  return unrest.join('; ')
}
