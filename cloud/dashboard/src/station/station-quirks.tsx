/** What a station does otherwise than OCPP says, what is done about it, and the operator's word on it. */
import { Button } from '@mantine/core'
import type { Station } from '@switchyard/protocol/api/stations.ts'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { sayQuirk } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { Panel, Section } from '../ui/page.tsx'
import { Failed } from '../ui/states.tsx'
import classes from './station-details.module.css'

const SOURCES: Record<Station['quirks'][number]['source'], string> = {
  known: 'known of its model and firmware',
  model: 'said of its model',
  station: 'said of this station',
}

/** Nothing where nothing is known or said. */
export function StationQuirks({ station }: { station: Station }) {
  const queryClient = useQueryClient()
  const { stationId, quirks, assignedQuirks } = station
  const saying = useMutation({
    mutationFn: ({ name, has }: { name: string; has: boolean | null }) =>
      sayQuirk(stationId, assignedQuirks, name, has),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.stations }),
  })
  const denied = Object.entries(assignedQuirks).flatMap(([name, has]) => (has ? [] : [name]))
  if (quirks.length === 0 && denied.length === 0) return null
  const sayButton = (name: string, has: boolean | null, text: string) => (
    <Button
      size="compact-xs"
      variant="default"
      disabled={saying.isPending}
      onClick={() => saying.mutate({ name, has })}
    >
      {text}
    </Button>
  )
  return (
    <Section title="Quirks" note="What it does otherwise than OCPP says, and what is done about it.">
      <Panel>
        <ul className={classes.list}>
          {quirks.map(({ name, description, source, reference }) => (
            <li key={name} className={classes.item}>
              <div className={classes.words}>
                <b>{name}</b> <span className="sy-muted">({SOURCES[source]})</span>
                <p>{description}</p>
                {reference && <p className="sy-muted">{reference}</p>}
              </div>
              {source === 'station'
                ? sayButton(name, null, 'Take back')
                : sayButton(name, false, 'Not this station')}
            </li>
          ))}
          {denied.map((name) => (
            <li key={name} className={classes.item}>
              <div className={classes.words}>
                <b>{name}</b> <span className="sy-muted">(said not to be so of this station)</span>
              </div>
              {sayButton(name, null, 'Take back')}
            </li>
          ))}
        </ul>
        {saying.error ? <Failed error={saying.error} /> : null}
      </Panel>
    </Section>
  )
}
