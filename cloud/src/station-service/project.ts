/** Projection `station`: facts of sites and of other services -> sites, stations, connectors, sessions and commands as they are now. */
import { factData } from '@switchyard/protocol/site/fact.ts'
import { BUS, type Bus } from '../platform/bus.ts'
import type { LogEntry, Projection, ReadEntry } from '../platform/event-log/entry.ts'
import { storableReading } from '../platform/event-log/storable.ts'
import { projectOutcome } from './project-command.ts'
import { projectDocument } from './project-document.ts'
import { projectMonitors } from './project-monitors.ts'
import { projectNotifications } from './project-notifications.ts'
import { projectProgress } from './project-progress.ts'
import { projectReservation } from './project-reservation.ts'
import { projectReviews } from './project-review.ts'
import { projectSessions } from './project-session.ts'
import { projectSettings } from './project-settings.ts'
import { projectSites } from './project-site.ts'
import { projectStations } from './project-station.ts'

/** Every kind that a site knows (each moves what of its journal is here), and what other services say of its sessions. */
const KINDS = [
  ...Object.keys(factData),
  'site.registered',
  'site.online',
  'site.offline',
  'document.published',
  'cdr.issued',
  'session.held',
  'session.forgotten',
  'session.reviewed',
  'site.policy',
  'command.abandoned',
]

export const CONSUMER = 'station'

export function stationProjection(bus: Bus): Projection {
  return {
    consumer: CONSUMER,
    kinds: KINDS,
    atOnce: 2,
    async apply(tx, all) {
      const readings = all.map(storableReading)
      await projectSites(tx, readings)
      await projectStations(tx, readings)
      // Before the settings, which forget a station that was removed.
      await projectMonitors(tx, readings)
      await projectSettings(tx, readings)
      await projectNotifications(tx, readings)
      await projectSessions(tx, readings)
      await projectReviews(tx, readings)
      for (const { entry, read } of readings) {
        await projectOutcome(tx, entry, read)
        await projectProgress(tx, entry, read)
        await projectDocument(tx, entry, read)
        await projectReservation(tx, entry, read)
      }
    },
    committed(entries) {
      for (const commandId of outcomesIn(entries)) bus.publish(BUS.outcome(commandId), { commandId })
      bus.publish(BUS.projected(CONSUMER), { entries: entries.length })
    },
  }
}

function outcomesIn(entries: LogEntry[]): string[] {
  return entries
    .filter((e) => e.kind === 'command.outcome' || e.kind === 'command.abandoned')
    .map((e) => {
      const { data } = JSON.parse(e.text) as Extract<
        ReadEntry,
        { kind: 'command.outcome' | 'command.abandoned' }
      >
      return data.commandId
    })
}
