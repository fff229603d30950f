/** Whether what the page shows is live, in a word; and since when not. The zone is the only site's, else UTC. */
import { Button } from '@mantine/core'
import { timeText } from '../format/time.ts'
import { useSites } from '../hooks/use-sites.ts'
import { useStreamState } from '../live/live-context.tsx'
import classes from './connection-state.module.css'

export function ConnectionState() {
  const { state, retryNow } = useStreamState()
  const zone = useSites().zone()
  const live = state.phase === 'live'
  return (
    <div className={classes.state} data-phase={state.phase}>
      <span className={classes.dot} aria-hidden />
      <span role="status">
        {live && 'Live'}
        {state.phase === 'connecting' && 'Connecting'}
        {state.phase === 'signed-out' && 'Signed out'}
        {state.phase === 'reconnecting' && (
          <>
            Reconnecting<span className={classes.since}> since {timeText(state.sinceMs, zone, true)}</span>
          </>
        )}
      </span>
      {state.phase === 'reconnecting' && (
        <Button size="compact-xs" variant="default" onClick={retryNow} title={`Reason: ${state.reason}`}>
          Retry
        </Button>
      )}
    </div>
  )
}
