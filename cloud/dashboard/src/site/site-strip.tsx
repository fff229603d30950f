/** How a site stands at a glance: link, journal, what is charging, load on the grid connection. */
import type { Site } from '@switchyard/protocol/api/shapes.ts'
import type { ReactNode } from 'react'
import { countText, powerText } from '../format/energy.ts'
import { useNow } from '../hooks/use-now.ts'
import { useLivePicture } from '../live/live-context.tsx'
import { pictureHolds, rowsBehind, type StationView } from '../live/merge.ts'
import { Ago } from '../ui/time.tsx'
import { PhaseLoad } from './phase-load.tsx'
import classes from './site-strip.module.css'

/** Readings are sent in batches: fewer than this are on their way at any time and are no backlog. */
const READINGS_ON_THEIR_WAY = 100

interface SiteStripProps {
  site: Site
  zone: string
  stations: StationView[]
}

export function SiteStrip({ site, zone, stations }: SiteStripProps) {
  const now = useNow()
  const received = useLivePicture(site.siteId)
  const picture = pictureHolds(site, 0, received, now) ? received.picture : undefined

  return (
    <div className={classes.strip}>
      <Cell
        name="Site controller"
        tone={site.online ? 'good' : 'bad'}
        value={site.online ? 'Online' : 'Offline'}
      >
        {site.online ? (
          <>
            heard <Ago at={picture?.at ?? site.lastHeardAt} zone={zone} />
          </>
        ) : site.lastHeardAt ? (
          <>
            last heard <Ago at={site.lastHeardAt} zone={zone} />
          </>
        ) : (
          'never heard from yet'
        )}
      </Cell>
      <Journal site={site} backlog={rowsBehind(site, picture)} />
      <Charging site={site} stations={stations} />
      <div className={classes.cell}>
        <div className={classes.name}>Load on the grid connection</div>
        {picture?.load ? (
          <PhaseLoad usedMa={picture.load.usedMa} limitMa={picture.load.limitMa} />
        ) : (
          <div className={classes.note}>
            {picture
              ? 'The site has no meter or limit that tells it.'
              : site.online
                ? 'Waiting for the site to tell it.'
                : 'Not known while the site is offline.'}
          </div>
        )}
      </div>
    </div>
  )
}

function Charging({ site, stations }: { site: Site; stations: StationView[] }) {
  const sessions = stations.flatMap((station) =>
    station.connectors.flatMap((connector) => connector.session ?? []),
  )
  const drawing = sessions.filter((session) => session.current && (session.powerW ?? 0) > 0)
  const totalW = drawing.reduce((sum, session) => sum + (session.powerW ?? 0), 0)
  const connected = stations.filter((station) => station.connected).length
  const open = `${sessions.length} ${sessions.length === 1 ? 'session' : 'sessions'}`
  if (!site.online) {
    return (
      <Cell name="Charging now" value="Not known">
        {open} when last heard
      </Cell>
    )
  }
  return (
    <Cell
      name="Charging now"
      value={`${drawing.length} ${drawing.length === 1 ? 'car' : 'cars'} · ${powerText(totalW)}`}
    >
      {open} · {connected} of {stations.length} stations connected
    </Cell>
  )
}

function Journal({ site, backlog }: { site: Site; backlog: Site['backlog'] }) {
  const here = site.journal
    ? `ledger row ${countText(site.journal.ledgerSeq)} is here`
    : 'no journal is here yet'
  if (!site.online) {
    const rows = backlog ? backlog.ledger + backlog.telemetry : 0
    return (
      <Cell name="Journal" tone="bad" value={rows === 0 ? 'Not known' : `${countText(rows)}+ rows behind`}>
        {here}; more may wait at the site
      </Cell>
    )
  }
  if (!backlog) {
    return (
      <Cell name="Journal" value="Not told yet">
        {here}
      </Cell>
    )
  }
  const { ledger, telemetry } = backlog
  const readings = `${countText(telemetry)} ${telemetry === 1 ? 'reading' : 'readings'}`
  if (ledger === 0 && telemetry < READINGS_ON_THEIR_WAY) {
    return (
      <Cell name="Journal" tone="good" value="Up to date">
        {here}
        {telemetry > 0 && `, ${readings} on the way`}
      </Cell>
    )
  }
  const rows = ledger + telemetry
  return (
    <Cell name="Journal" value={`${countText(rows)} ${rows === 1 ? 'row' : 'rows'} behind`}>
      {countText(ledger)} of the ledger, {readings} · {here}
    </Cell>
  )
}

interface CellProps {
  name: string
  value: string
  tone?: 'good' | 'bad'
  children: ReactNode
}

function Cell({ name, value, tone, children }: CellProps) {
  return (
    <div className={classes.cell}>
      <div className={classes.name}>{name}</div>
      <div className={classes.value} data-tone={tone}>
        {value}
      </div>
      <div className={classes.note}>{children}</div>
    </div>
  )
}
