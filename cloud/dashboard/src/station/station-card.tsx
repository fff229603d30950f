/** One station: its connectors, each with a plain sentence and, while a session runs, its figures moving. */
import { Link } from '@tanstack/react-router'
import { currentText, energyText, powerText } from '../format/energy.ts'
import { protocolText } from '../format/protocol.ts'
import { useNow } from '../hooks/use-now.ts'
import type { ConnectorView, SessionView, StationView } from '../live/merge.ts'
import { connectorStatus } from '../live/status-sentence.ts'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Ago } from '../ui/time.tsx'
import classes from './station-card.module.css'

export function StationCard({ view, zone }: { view: StationView; zone: string }) {
  const { station } = view
  const protocol = station.ocpp && protocolText(station.ocpp)
  const about = [[station.vendor, station.model].filter(Boolean).join(' '), protocol]
    .filter(Boolean)
    .join(' · ')
  return (
    <article className={classes.card} data-station={station.stationId}>
      <header className={classes.head}>
        <Link to="/stations/$stationId" params={{ stationId: station.stationId }} className={classes.name}>
          {station.stationId}
        </Link>
        <span className={classes.about}>{about}</span>
      </header>
      {!station.approved && <p className={classes.notice}>Waits for approval; it may not charge yet.</p>}
      {view.connectors.length === 0 ? (
        <p className={classes.sentence}>{station.statusText}</p>
      ) : (
        view.connectors.map((connector) => (
          <ConnectorLine
            key={`${connector.evseId}/${connector.connectorId}`}
            connector={connector}
            view={view}
            named={view.connectors.length > 1}
            zone={zone}
          />
        ))
      )}
    </article>
  )
}

interface ConnectorLineProps {
  connector: ConnectorView
  view: StationView
  /** Whether the connector's number is needed to tell it from its neighbour. */
  named: boolean
  zone: string
}

export function ConnectorLine({ connector, view, named, zone }: ConnectorLineProps) {
  const status = connectorStatus(connector, view, zone, useNow())
  return (
    <div className={classes.connector}>
      <div className={classes.status}>
        <StatusBadge tone={status.tone}>{status.word}</StatusBadge>
        {named && (
          <span className={classes.about}>
            {connector.evseId === 0
              ? 'Station as a whole'
              : `EVSE ${connector.evseId}, connector ${connector.connectorId}`}
          </span>
        )}
        {connector.session?.idToken && (
          <span className={classes.token}>
            <span className="sy-hidden">Token </span>
            {connector.session.idToken}
          </span>
        )}
      </div>
      <p className={classes.sentence}>{status.sentence}</p>
      {connector.session && <SessionFigures session={connector.session} zone={zone} />}
    </div>
  )
}

function SessionFigures({ session, zone }: { session: SessionView; zone: string }) {
  return (
    <Link
      to="/sessions/$sessionId"
      params={{ sessionId: session.sessionId }}
      className={classes.figures}
      aria-label="Open the running session"
    >
      <span className={classes.figure} data-muted={session.current ? undefined : true}>
        <b data-figure="power">{session.powerW === null ? '–' : powerText(session.powerW)}</b>
        <small>{session.limitMa === null ? 'power' : `limit ${currentText(session.limitMa)}`}</small>
      </span>
      <span className={classes.figure}>
        <b data-figure="energy">{session.milliWh === null ? '–' : energyText(session.milliWh, 3)}</b>
        <small>delivered</small>
      </span>
      <span className={classes.figure}>
        <b>{session.socPercent === null ? '' : `${session.socPercent} %`}</b>
        <small>{session.socPercent === null ? '' : 'battery'}</small>
      </span>
      {!session.current && session.readAt && (
        <span className={classes.stale}>
          read <Ago at={session.readAt} zone={zone} />
        </span>
      )}
    </Link>
  )
}
