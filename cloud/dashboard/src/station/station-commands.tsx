/** What can be asked of a station, each confirmed before it is sent, and how it came out. */
import { Button } from '@mantine/core'
import { useState } from 'react'
import type { StationView } from '../live/merge.ts'
import { Panel, Section } from '../ui/page.tsx'
import { Failed } from '../ui/states.tsx'
import { CommandDialog, type Intention } from './command-dialog.tsx'
import { CommandOutcome } from './command-outcome.tsx'
import { useIssued } from './issued-commands.ts'
import classes from './station-commands.module.css'

interface StationCommandsProps {
  view: StationView
  zone: string
  siteOnline: boolean
}

export function StationCommands({ view, zone, siteOnline }: StationCommandsProps) {
  const { stationId } = view.station
  const [intention, setIntention] = useState<Intention | null>(null)
  const issued = useIssued(stationId)
  const reachable = siteOnline && view.connected
  const running = view.connectors.flatMap((connector) => connector.session ?? [])
  return (
    <Section title="Commands">
      <Panel>
        <div className={classes.buttons}>
          <Button size="xs" variant="default" onClick={() => setIntention({ kind: 'RemoteStart' })}>
            Start a session…
          </Button>
          {running.map((session) => (
            <Button
              key={session.sessionId}
              size="xs"
              variant="default"
              onClick={() => setIntention({ kind: 'RemoteStop', session })}
            >
              {running.length > 1 ? `Stop session of ${session.idToken ?? 'no token'}…` : 'Stop the session…'}
            </Button>
          ))}
          <Button size="xs" variant="default" onClick={() => setIntention({ kind: 'Reset' })}>
            Reset…
          </Button>
          <Button size="xs" variant="default" onClick={() => setIntention({ kind: 'UnlockConnector' })}>
            Unlock…
          </Button>
          <Button size="xs" variant="default" onClick={() => setIntention({ kind: 'ChangeAvailability' })}>
            Availability…
          </Button>
        </div>
        {!reachable && (
          <p className={classes.note}>
            {siteOnline ? 'The station is not connected' : 'The site is offline'}: a command waits until its
            expiry and then lapses.
          </p>
        )}
        {issued.length > 0 && (
          <ul className={classes.issued} aria-label="Commands sent from this page">
            {issued.map((command) => (
              <CommandOutcome key={command.commandId} command={command} zone={zone} />
            ))}
          </ul>
        )}
      </Panel>
      {intention && (
        <CommandDialog
          key={intention.kind}
          intention={intention}
          view={view}
          zone={zone}
          onClose={() => setIntention(null)}
          failed={(error) => <Failed error={error} />}
        />
      )}
    </Section>
  )
}
