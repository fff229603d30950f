/** The installer's status page: server-rendered, no script, nothing from elsewhere; all text from chargers is escaped. */

import type { Live, LiveStation } from '@switchyard/protocol/site/live.ts'
import { formatWh } from '@switchyard/protocol/units.ts'
import type { SiteStatus } from './status.ts'

/** The page asks for itself again after this, s. */
const REFRESH_S = 5

export function statusPage(status: SiteStatus): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="${REFRESH_S}">
<title>${escapeHtml(status.siteId)} – site controller</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeHtml(status.siteId)}</h1><p>Switchyard site controller ${escapeHtml(status.version)}</p></header>
<main>
<dl>
${term('Cloud', linkSentence(status))}
${term('Journal', journalSentence(status))}
${term('Clock', `${localTime(status.at, status.timeZone)} (${status.timeZone}), ${CLOCK_WORDS[status.clock]}`)}
${term('Load', loadSentence(status.load))}
${term('Running for', duration(status.uptimeMs))}
</dl>
<h2>Stations</h2>
${stationTable(status)}
</main>
</body>
</html>
`
}

const CLOCK_WORDS: Record<SiteStatus['clock'], string> = {
  synced: 'agrees with the cloud',
  holdover: 'not checked against the cloud lately',
  unknown: 'not to be trusted yet',
}

function linkSentence({ link }: SiteStatus): string {
  if (!link.configured) return 'none configured: the site runs by itself'
  if (!link.connected) return 'not connected; sessions go on and are reported later'
  if (!link.linked) return 'connected to the broker, waiting for the cloud’s welcome'
  return link.authority === false
    ? 'connected, but fenced: another journal speaks for this site. Its sessions are reported and billed; it gets no commands and no new settings until an operator gives it authority'
    : 'connected'
}

function journalSentence({ heads, backlog, link, timeZone }: SiteStatus): string {
  const origin = link.forkedFrom
    ? `, forked from ${link.forkedFrom.journalId} (${localTime(link.forkedFrom.at, timeZone)}), whose history in the cloud is another one`
    : ''
  const rows = `${heads.ledger.seq + heads.telemetry.seq} rows${origin}`
  if (!backlog) return rows
  const behind = backlog.ledger + backlog.telemetry
  return behind === 0 ? `${rows}, all in the cloud` : `${rows}, ${behind} not yet in the cloud`
}

function loadSentence(load: Live['load'] | null): string {
  if (!load) return 'no limit is configured: nothing is limited'
  const used = load.usedMa.map((ma, i) => `L${i + 1} ${amperes(ma)}`).join(', ')
  return load.limitMa === undefined ? used : `${used} of ${amperes(load.limitMa)} per phase`
}

function stationTable({ stations, timeZone }: SiteStatus): string {
  if (stations.length === 0) return '<p>No station has connected yet.</p>'
  const rows = stations.flatMap((station) => stationRows(station, timeZone))
  return `<table>
<thead><tr><th>Station</th><th>Connector</th><th>Status</th><th>Power</th><th>Energy</th><th>Since</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`
}

function stationRows(station: LiveStation, timeZone: string): string[] {
  const { stationId, connected, connectors } = station
  if (connectors.length === 0)
    return [row([stationId, '', connected ? 'connected' : 'not connected', '', '', ''])]
  return connectors.map(({ evseId, connectorId, status, detail, session }) => {
    // What 1.6 says of a connector, 2.0.1 says of its session; "Occupied" tells nobody whether the car charges.
    const state = detail ?? session?.chargingState ?? status
    return row([
      stationId,
      `${evseId}/${connectorId}`,
      connected ? state : `not connected (was ${state})`,
      session?.powerW === undefined ? '' : `${session.powerW} W`,
      session?.energyMilliWh === undefined ? '' : `${formatWh(session.energyMilliWh)} Wh`,
      session ? localTime(session.startedAt, timeZone) : '',
    ])
  })
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`
}

function term(name: string, text: string): string {
  return `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(text)}</dd></div>`
}

function amperes(milliamperes: number): string {
  return `${Math.trunc(milliamperes / 1000)}.${Math.trunc((milliamperes % 1000) / 100)} A`
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  return days > 0 ? `${days} d ${hours % 24} h` : `${hours} h ${minutes % 60} min`
}

/** In the site's time zone, never the browser's. */
function localTime(instant: string, timeZone: string): string {
  const ms = Date.parse(instant)
  if (Number.isNaN(ms)) return instant
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone }).format(ms)
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
header p { margin: 0; opacity: .7; }
h1 { margin: 0; }
dl div { display: flex; gap: 1rem; padding: .25rem 0; }
dt { flex: 0 0 7rem; opacity: .7; }
dd { margin: 0; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .35rem .8rem .35rem 0; text-align: left; white-space: nowrap; }
td:nth-child(4), td:nth-child(5) { font-variant-numeric: tabular-nums; text-align: right; }
`
