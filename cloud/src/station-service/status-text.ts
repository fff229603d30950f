/** What a station does, in one plain sentence, in the time of its site, whose zone it names. */

export interface StatusOfStation {
  approved: boolean
  rejected: boolean
  connected: boolean
  connectedSince: Date | null
  siteOnline: boolean
  siteLastHeardAt: Date | null
  timeZone: string
  /** evse 0 is the station as a whole. */
  connectors: {
    evseId: number
    connectorId: number
    status: string
    detail: string | null
    errorCode: string | null
    since: Date
  }[]
  running: RunningSession[]
}

export interface RunningSession {
  evseId: number
  connectorId: number
  startedAt: Date
  powerW: number | null
  /** As OCPP 2.x names it; null where only the connector tells (1.6). */
  chargingState: string | null
}

/** Current time decides only whether a day must be named. */
export function statusText(station: StatusOfStation, now: Date): string {
  const at = (when: Date) => clockTime(when, station.timeZone, now)
  const doing = whatItDoes(station, at)
  if (station.siteOnline) return doing
  return station.siteLastHeardAt === null
    ? 'Its site has not connected yet'
    : `Site not heard from since ${at(station.siteLastHeardAt)}; before: ${lowerFirst(doing)}`
}

function whatItDoes(station: StatusOfStation, at: (when: Date) => string): string {
  if (!station.connected) {
    return station.connectedSince === null
      ? 'Never connected'
      : `Not connected since ${at(station.connectedSince)}`
  }
  if (station.rejected) return 'Rejected by an operator'
  if (!station.approved) return 'Waiting for approval'
  const whole = station.connectors.find((c) => c.evseId === 0)
  if (whole !== undefined && isBad(whole.status)) return faultText(whole)
  if (station.running.length > 0) return runningText(station, at)
  const connectors = station.connectors.filter((c) => c.evseId > 0)
  const faulted = connectors.find((c) => c.status === 'Faulted')
  if (faulted !== undefined) return `${faultText(faulted)}${which(faulted, connectors.length)}`
  const occupied = connectors.find((c) => c.status === 'Occupied')
  if (occupied !== undefined) return `${occupiedText(occupied.detail)}${which(occupied, connectors.length)}`
  const available = connectors.filter((c) => c.status === 'Available').length
  if (connectors.length === 0) return 'Connected; has not told the state of its connectors'
  if (available === connectors.length)
    return connectors.length === 1 ? 'Available' : `Available, ${available} connectors`
  if (available > 0) return `Available, ${available} of ${connectors.length} connectors`
  const first = connectors[0]!
  return first.status === 'Reserved' ? 'Reserved' : `Not in service${which(first, connectors.length)}`
}

/** What the connector and the session say of the state stands before a power that was read earlier. */
function runningText({ running, connectors }: StatusOfStation, at: (when: Date) => string): string {
  const states = running.map((session) => ({ session, state: stateOf(session, connectors) }))
  const charging = states.filter((it) => it.state === 'Charging').map((it) => it.session)
  const measured = charging.some((s) => s.powerW !== null)
  const power = charging.reduce((sum, s) => sum + (s.powerW ?? 0), 0)
  const watts = measured ? `, ${powerText(power)}` : ''
  if (running.length > 1) {
    if (charging.length === 0) return `Sessions at ${running.length} connectors, none is charging`
    return charging.length === running.length
      ? `Charging at ${running.length} connectors${watts}`
      : `Charging at ${charging.length} of ${running.length} connectors in use${watts}`
  }
  const { session, state } = states[0]!
  const since = `since ${at(session.startedAt)}`
  switch (state) {
    case 'Faulted':
      return `${faultText(connectorOf(session, connectors)!)}; session ${since} has not ended`
    case 'Available':
      return `Free again; session ${since} has not ended`
    case 'SuspendedEV':
      return `Paused by the car, session ${since}`
    case 'SuspendedEVSE':
      return `Paused by the station, session ${since}`
    case 'Preparing':
      return `Session ${since}, not charging yet`
    case 'Finishing':
      return `Session ${since}, charging has ended`
    case 'Charging':
      return measured && power === 0 ? `Session ${since}, no power flows` : `Charging ${since}${watts}`
  }
}

type RunningState =
  | 'Charging'
  | 'SuspendedEV'
  | 'SuspendedEVSE'
  | 'Preparing'
  | 'Finishing'
  | 'Available'
  | 'Faulted'

/** In the words of OCPP 1.6, which 2.x's charging states are put into; Charging where nothing says otherwise. */
function stateOf(session: RunningSession, connectors: StatusOfStation['connectors']): RunningState {
  const connector = connectorOf(session, connectors)
  if (connector?.status === 'Faulted') return 'Faulted'
  // Free or finished as of before the start: that was the session before this one.
  const after = connector !== undefined && connector.since > session.startedAt
  if (after && connector.status === 'Available') return 'Available'
  switch (session.chargingState ?? connector?.detail) {
    case 'SuspendedEV':
      return 'SuspendedEV'
    case 'SuspendedEVSE':
      return 'SuspendedEVSE'
    case 'Preparing':
    case 'EVConnected':
      return 'Preparing'
    case 'Finishing':
      return after ? 'Finishing' : 'Charging'
    case 'Idle':
      return 'Finishing'
    default:
      return 'Charging'
  }
}

function connectorOf(session: RunningSession, connectors: StatusOfStation['connectors']) {
  return connectors.find((c) => c.evseId === session.evseId && c.connectorId === session.connectorId)
}

/** OCPP 1.6 says more than Occupied. */
function occupiedText(detail: string | null): string {
  switch (detail) {
    case 'Preparing':
      return 'Cable plugged in, not charging yet'
    case 'SuspendedEV':
      return 'Paused by the car'
    case 'SuspendedEVSE':
      return 'Paused by the station'
    case 'Finishing':
      return 'Session ended, cable still plugged in'
    default:
      return 'Occupied'
  }
}

function faultText(connector: { status: string; errorCode: string | null }): string {
  if (connector.status !== 'Faulted') return 'Not in service'
  return connector.errorCode === null ? 'Faulted' : `Faulted: ${connector.errorCode}`
}

function isBad(status: string): boolean {
  return status === 'Faulted' || status === 'Unavailable'
}

function which(connector: { evseId: number }, of: number): string {
  return of > 1 ? ` (connector ${connector.evseId} of ${of})` : ''
}

function powerText(powerW: number): string {
  return powerW < 1000 ? `${powerW} W` : `${Math.floor(powerW / 100) / 10} kW`
}

function clockTime(when: Date, timeZone: string, now: Date): string {
  const day = (d: Date) => d.toLocaleDateString('en-CA', { timeZone })
  const time = when.toLocaleTimeString('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
  })
  return day(when) === day(now) ? time : `${day(when)} ${time}`
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
