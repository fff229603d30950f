/** Commands sent from this page since it was opened, newest first, per station. The server keeps them all; this is what to show. */
import { useSyncExternalStore } from 'react'

export interface IssuedCommand {
  commandId: string
  stationId: string
  /** What was asked, in words: "Start a session for token 04AABB". */
  text: string
}

/** Kept in all; the oldest go first. */
const MAX_ISSUED = 50

let issued: readonly IssuedCommand[] = []
const listeners = new Set<() => void>()

export function noteIssued(command: IssuedCommand): void {
  issued = [command, ...issued].slice(0, MAX_ISSUED)
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function useIssued(stationId: string): IssuedCommand[] {
  const all = useSyncExternalStore(subscribe, () => issued)
  return all.filter((command) => command.stationId === stationId)
}
