/** How a connector is, as a word with a tone and as a plain sentence. */
import { powerText } from '../format/energy.ts'
import { epochOf, instantText } from '../format/time.ts'
import type { ConnectorView, SessionView, StationView } from './merge.ts'

/** Never shown by colour alone: every tone stands beside its word. */
export type Tone = 'charging' | 'available' | 'waiting' | 'fault' | 'off' | 'review'

export interface Status {
  tone: Tone
  word: string
  sentence: string
}

/** Below this a car counts as drawing nothing; meters of idle cars flicker by a few watts. */
const IDLE_BELOW_W = 50

/** `zone` is the site's. While the site is not heard from, the status is the last known one and says so. */
export function connectorStatus(
  connector: ConnectorView,
  { connected, stale, station }: StationView,
  zone: string,
  nowMs: number,
): Status {
  if (!connected) {
    // The station resource knows since when; the picture may know of the loss before the resource does.
    const sentence = station.connected ? 'The station has just lost its connection' : station.statusText
    return { tone: 'off', word: 'Not connected', sentence }
  }
  const status = connectedStatus(connector, zone, nowMs)
  return stale
    ? { tone: 'off', word: status.word, sentence: `Last known: ${lowerFirst(status.sentence)}` }
    : status
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function connectedStatus(connector: ConnectorView, zone: string, nowMs: number): Status {
  const since = epochOf(connector.since)
  const sinceText = since === undefined ? '' : ` since ${instantText(since, zone, { short: true, nowMs })}`
  if (connector.status === 'Faulted') {
    const code = connector.errorCode && connector.errorCode !== 'NoError' ? `: ${connector.errorCode}` : ''
    return { tone: 'fault', word: 'Fault', sentence: `Reports a fault${code}${sinceText}` }
  }
  if (connector.session) return sessionStatus(connector.session, connector.detail, zone, nowMs)
  switch (connector.status) {
    case 'Available':
      return { tone: 'available', word: 'Available', sentence: `Free${sinceText}` }
    case 'Reserved':
      return { tone: 'waiting', word: 'Reserved', sentence: `Reserved${sinceText}` }
    case 'Unavailable':
      return { tone: 'off', word: 'Out of service', sentence: `Out of service${sinceText}` }
    case 'Occupied':
      return connector.detail === 'Finishing'
        ? {
            tone: 'waiting',
            word: 'Plugged in',
            sentence: `Finished, the car is still plugged in${sinceText}`,
          }
        : {
            tone: 'waiting',
            word: 'Plugged in',
            sentence: `A car is plugged in and not charging${sinceText}`,
          }
    default:
      return { tone: 'off', word: connector.status, sentence: `Reports ${connector.status}${sinceText}` }
  }
}

/** Of a running session. */
export function sessionStatus(
  session: SessionView,
  connectorDetail: string | null,
  zone: string,
  nowMs: number,
): Status {
  const startedMs = epochOf(session.startedAt)
  const started =
    startedMs === undefined ? '' : ` since ${instantText(startedMs, zone, { short: true, nowMs })}`
  if (session.finishing) {
    return { tone: 'waiting', word: 'Ending', sentence: 'Ended at the site; its facts are on the way' }
  }
  // What the station says of the state stands before a power that was read earlier.
  const state = session.chargingState ?? connectorDetail
  if (state === 'SuspendedEV') {
    return { tone: 'waiting', word: 'Paused', sentence: `Plugged in${started}; the car draws no power` }
  }
  if (state === 'SuspendedEVSE') {
    return { tone: 'waiting', word: 'Paused', sentence: `Plugged in${started}; held back by the station` }
  }
  if (session.powerW === null) {
    return { tone: 'charging', word: 'Charging', sentence: `In session${started}, no power reading yet` }
  }
  if (!session.current) {
    return {
      tone: 'charging',
      word: 'Charging',
      sentence: `In session${started}, ${powerText(session.powerW)} when last heard`,
    }
  }
  if (session.powerW < IDLE_BELOW_W) {
    return { tone: 'waiting', word: 'Idle', sentence: `In session${started}, no power is drawn` }
  }
  return { tone: 'charging', word: 'Charging', sentence: `Charging${started}, ${powerText(session.powerW)}` }
}
