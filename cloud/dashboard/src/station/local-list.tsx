/** The local authorization list that a site keeps in a station, where it does. */
import type { Station } from '@switchyard/protocol/api/stations.ts'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Panel, Section } from '../ui/page.tsx'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'

export function LocalList({ list, zone }: { list: Station['localList']; zone: string }) {
  if (list === null) return null
  const { outcome, reason, version, entries, omitted, most, updateType, at } = list
  return (
    <Section title="Local list" note="Tokens that the station knows without its site.">
      <Panel>
        <Facts>
          <FactItem name="State">
            {outcome === 'kept' ? (
              <StatusBadge tone="available">In step</StatusBadge>
            ) : (
              <StatusBadge tone="fault">Not in step</StatusBadge>
            )}
            {reason && <span className="sy-muted"> {reason}</span>}
          </FactItem>
          <FactItem name="Version">{version ?? 'not known'}</FactItem>
          <FactItem name="Tokens">
            {entries ?? 'not known'}
            {most !== null && <span className="sy-muted"> of {most} that it can hold</span>}
          </FactItem>
          {omitted !== null && omitted > 0 && (
            <FactItem name="Left out">{omitted}: no room, or its version has no word for them</FactItem>
          )}
          <FactItem name="Sent last">
            <Time at={at} zone={zone} short />
            {updateType && <span className="sy-muted"> ({updateType === 'Full' ? 'whole' : 'changes'})</span>}
          </FactItem>
        </Facts>
      </Panel>
    </Section>
  )
}
