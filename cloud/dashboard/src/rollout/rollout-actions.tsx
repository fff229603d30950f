/** What can be decided about a roll-out as it stands. */
import { Button } from '@mantine/core'
import type { Rollout, RolloutStatus } from '@switchyard/protocol/api/rollouts.ts'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { decideRollout, type RolloutDecision } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { randomId } from '../random.ts'
import { Failed } from '../ui/states.tsx'

const DECISIONS: Record<RolloutStatus, RolloutDecision[]> = {
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  halted: ['retry', 'resume', 'cancel'],
  cancelled: [],
  completed: [],
}
const WORDS: Record<RolloutDecision, string> = {
  pause: 'Pause',
  resume: 'Go on',
  retry: 'Try the failed ones again',
  cancel: 'Cancel the roll-out…',
}
const CANCEL_NOW = 'Cancel: tell no further station'

export function RolloutActions({ rollout: { rolloutId, status } }: { rollout: Rollout }) {
  const queryClient = useQueryClient()
  const [idempotencyKey, setIdempotencyKey] = useState(randomId)
  // A roll-out that is cancelled cannot be taken up again, so that is pressed twice.
  const [sure, setSure] = useState(false)
  const deciding = useMutation({
    mutationFn: (decision: RolloutDecision) => decideRollout(rolloutId, decision, idempotencyKey),
    onSettled: () => {
      setIdempotencyKey(randomId())
      setSure(false)
      return queryClient.invalidateQueries({ queryKey: keys.rollouts })
    },
  })
  return (
    <>
      {DECISIONS[status].map((decision) => {
        const asks = decision === 'cancel' && !sure
        return (
          <Button
            key={decision}
            size="xs"
            variant={decision === 'cancel' && sure ? 'filled' : 'default'}
            loading={deciding.isPending && deciding.variables === decision}
            disabled={deciding.isPending}
            onClick={() => (asks ? setSure(true) : deciding.mutate(decision))}
          >
            {decision === 'cancel' && sure ? CANCEL_NOW : WORDS[decision]}
          </Button>
        )
      })}
      {deciding.error ? <Failed error={deciding.error} /> : null}
    </>
  )
}
