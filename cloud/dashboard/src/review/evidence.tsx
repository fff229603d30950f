/** What is known of a session in review beside what its site told at the end. */
import type { ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import { Link } from '@tanstack/react-router'
import { createColumnHelper } from '@tanstack/react-table'
import { useMemo } from 'react'
import { durationText } from '../format/duration.ts'
import { powerText } from '../format/energy.ts'
import { DataTable } from '../ui/data-table.tsx'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Panel, Section } from '../ui/page.tsx'
import { Time } from '../ui/time.tsx'
import { whText } from './told-facts.tsx'

type Evidence = ReviewDetail['evidence']
interface EvidenceProps {
  evidence: Evidence
  zone: string
}

interface RegisterRow {
  key: string
  at: string
  registerWh: number | null
  powerW: number | null
  from: string
}
const registerColumn = createColumnHelper<RegisterRow>()

/** Registers at quarter hours and the newest readings, in one order. */
export function Registers({ evidence: { profile, meter }, zone }: EvidenceProps) {
  const columns = useMemo(
    () => [
      registerColumn.accessor('at', {
        header: 'At, by the station',
        meta: { lead: true },
        cell: ({ getValue }) => <Time at={getValue()} zone={zone} seconds />,
      }),
      registerColumn.accessor('registerWh', {
        header: 'Register',
        meta: { align: 'right' },
        cell: ({ getValue }) => <span className="sy-nowrap">{whText(getValue())}</span>,
      }),
      registerColumn.accessor('powerW', {
        header: 'Power',
        meta: { align: 'right' },
        cell: ({ getValue }) => {
          const powerW = getValue()
          return powerW === null ? '–' : powerText(powerW)
        },
      }),
      registerColumn.accessor('from', { header: 'From' }),
    ],
    [zone],
  )
  const rows: RegisterRow[] = [
    ...profile
      .filter((it) => !meter.some((reading) => Date.parse(reading.at) === Date.parse(it.at)))
      .map((it, i) => ({ ...it, key: `p${i}`, powerW: null, from: 'quarter hour' })),
    // Signed values stand in facts of their own, without a register.
    ...meter
      .filter((it) => it.registerWh !== null || it.powerW !== null)
      .map((it) => ({ ...it, key: `m${it.journalId}/${it.seq}/${it.at}`, from: `reading ${it.seq}` })),
  ].sort((a, b) => a.at.localeCompare(b.at))
  if (rows.length === 0) return null
  return (
    <Section title="Registers within the session" note={`${rows.length} known`}>
      <Panel flush>
        <DataTable caption="Registers" rows={rows} columns={columns} rowKey={(row) => row.key} />
      </Panel>
    </Section>
  )
}

/** The sessions before and after it on its connector. */
export function Around({ evidence: { previous, next }, zone }: EvidenceProps) {
  if (previous === null && next === null) return null
  return (
    <Section title="On the same connector">
      <Panel>
        <Facts>
          <Neighbour name="Session before" session={previous} zone={zone} />
          <Neighbour name="Session after" session={next} zone={zone} />
        </Facts>
      </Panel>
    </Section>
  )
}

function Neighbour({ name, session, zone }: { name: string; session: Evidence['previous']; zone: string }) {
  if (session === null) return <FactItem name={name}>none</FactItem>
  return (
    <FactItem name={name}>
      <Link to="/sessions/$sessionId" params={{ sessionId: session.sessionId }}>
        <Time at={session.startedAt} zone={zone} short />
        {session.endedAt && (
          <>
            {' to '}
            <Time at={session.endedAt} zone={zone} short />
          </>
        )}
      </Link>
      , {whText(session.energyWh)} from a register of {whText(session.startRegisterWh)}
    </FactItem>
  )
}

type FactTold = Evidence['facts'][number]
const factColumn = createColumnHelper<FactTold>()

/** When each was told by the station's clock, written by the controller's, and taken by the cloud. */
export function FactsTold({ evidence: { facts }, zone }: EvidenceProps) {
  const columns = useMemo(
    () => [
      factColumn.accessor('kind', {
        header: 'What',
        meta: { lead: true },
        cell: ({ getValue }) => <code>{getValue()}</code>,
      }),
      factColumn.accessor('stationAt', {
        header: 'Station’s time',
        cell: ({ getValue }) => <Time at={getValue()} zone={zone} short seconds />,
      }),
      factColumn.accessor('at', {
        header: 'Controller’s time',
        cell: ({ row: { original: fact } }) => (
          <>
            <Time at={fact.at} zone={zone} short seconds />{' '}
            {fact.clock && fact.clock !== 'synced' && <span className="sy-muted">({fact.clock})</span>}
          </>
        ),
      }),
      factColumn.accessor('receivedAt', {
        header: 'Taken by the cloud',
        cell: ({ row: { original: fact } }) => (
          <>
            <Time at={fact.receivedAt} zone={zone} short seconds />
            <Late fact={fact} />
          </>
        ),
      }),
      factColumn.display({
        id: 'where',
        header: 'Stands at',
        cell: ({ row: { original: fact } }) =>
          fact.journalId === null ? (
            fact.producer
          ) : (
            <code title={fact.journalId}>
              {fact.journalId.slice(0, 8)} {fact.seq}
            </code>
          ),
      }),
    ],
    [zone],
  )
  return (
    <Section title="What was told, and when" note="by whose clock">
      <Panel flush>
        <DataTable
          caption="Facts of the session"
          rows={facts}
          columns={columns}
          rowKey={(fact) => `${fact.journalId ?? fact.producer}/${fact.seq ?? fact.receivedAt}/${fact.kind}`}
        />
      </Panel>
    </Section>
  )
}

/** Later than this a fact came out of a backlog. */
const LATE_MS = 60_000

function Late({ fact }: { fact: FactTold }) {
  const lateMs = Date.parse(fact.receivedAt) - Date.parse(fact.at)
  if (fact.journalId === null || Number.isNaN(lateMs) || lateMs < LATE_MS) return null
  return <span className="sy-muted"> ({durationText(lateMs)} later)</span>
}
