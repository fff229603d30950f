/** Whether a station may charge here; one that waits can be let in. */
import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { approveStation } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { Failed } from '../ui/states.tsx'

export function Approval({ stationId, approved }: { stationId: string; approved: boolean }) {
  const queryClient = useQueryClient()
  const approving = useMutation({
    mutationFn: () => approveStation(stationId),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.stations }),
  })
  if (approved) return 'Approved'
  return (
    <>
      Waits for approval{' '}
      <Button size="compact-xs" loading={approving.isPending} onClick={() => approving.mutate()}>
        Approve
      </Button>
      {approving.error && <Failed error={approving.error} />}
    </>
  )
}
