/** Asks once more before a command is sent, with what it needs to know. */
import { Modal, NativeSelect, TextInput } from '@mantine/core'
import type { CommandInput } from '@switchyard/protocol/api/commands.ts'
import { useInfiniteQuery, useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { sendCommand } from '../api/actions.ts'
import { tokensQuery } from '../api/queries.ts'
import { energyText } from '../format/energy.ts'
import { epochOf, instantText } from '../format/time.ts'
import type { SessionView, StationView } from '../live/merge.ts'
import { randomId } from '../random.ts'
import { FormActions } from '../ui/form-actions.tsx'
import { noteIssued } from './issued-commands.ts'
import classes from './station-commands.module.css'

export type Intention =
  | { kind: 'RemoteStart' }
  | { kind: 'RemoteStop'; session: SessionView }
  | { kind: 'Reset' }
  | { kind: 'UnlockConnector' }
  | { kind: 'ChangeAvailability' }

interface CommandDialogProps {
  intention: Intention
  view: StationView
  zone: string
  onClose(): void
  failed(error: unknown): ReactNode
}

const TITLES = {
  RemoteStart: 'Start a session',
  RemoteStop: 'Stop the session',
  Reset: 'Reset the station',
  UnlockConnector: 'Unlock a cable',
  ChangeAvailability: 'Take out of service, or back',
} as const
const VERBS = {
  RemoteStart: 'Start',
  RemoteStop: 'Stop',
  Reset: 'Reset',
  UnlockConnector: 'Unlock',
  ChangeAvailability: 'Change',
} as const
/** What no EVSE chosen means. */
const NO_EVSE = {
  RemoteStart: 'The station chooses',
  UnlockConnector: 'Choose one',
  ChangeAvailability: 'The whole station',
} as const

export function CommandDialog({ intention, view, zone, onClose, failed }: CommandDialogProps) {
  const { stationId } = view.station
  const evseIds = [...new Set(view.connectors.map((connector) => connector.evseId))].filter((id) => id > 0)
  const [token, setToken] = useState('')
  const [evse, setEvse] = useState(evseIds.length === 1 ? String(evseIds[0]) : '')
  const [reset, setReset] = useState<'Soft' | 'Hard'>('Soft')
  const [operational, setOperational] = useState<'Operative' | 'Inoperative'>('Inoperative')
  // One key per opened dialog: pressing twice, or again after a lost answer, sends one command.
  const [idempotencyKey] = useState(randomId)
  const sending = useMutation({
    mutationFn: ({ command }: { command: CommandInput; text: string }) =>
      sendCommand(stationId, command, idempotencyKey),
    onSuccess: ({ commandId }, { text }) => {
      noteIssued({ commandId, stationId, text })
      onClose()
    },
  })

  function submit() {
    if (intention.kind === 'RemoteStart') {
      const value = token.trim()
      sending.mutate({
        command: {
          kind: 'RemoteStart',
          args: { idToken: { value }, ...(evse === '' ? {} : { evseId: Number(evse) }) },
        },
        text: `Start a session for token ${value}${evse === '' ? '' : ` at EVSE ${evse}`}`,
      })
    } else if (intention.kind === 'RemoteStop') {
      sending.mutate({
        command: { kind: 'RemoteStop', args: { sessionId: intention.session.sessionId } },
        text: `Stop the session of ${intention.session.idToken ?? 'no token'}`,
      })
    } else if (intention.kind === 'UnlockConnector') {
      sending.mutate({
        command: { kind: 'UnlockConnector', args: { evseId: Number(evse) } },
        text: `Unlock the cable of EVSE ${evse}`,
      })
    } else if (intention.kind === 'ChangeAvailability') {
      sending.mutate({
        command: {
          kind: 'ChangeAvailability',
          args: { operationalStatus: operational, ...(evse === '' ? {} : { evseId: Number(evse) }) },
        },
        text: `${evse === '' ? 'The station' : `EVSE ${evse}`} ${operational === 'Operative' ? 'into' : 'out of'} service`,
      })
    } else {
      sending.mutate({
        command: { kind: 'Reset', args: { type: reset } },
        text: reset === 'Soft' ? 'Soft reset' : 'Hard reset',
      })
    }
  }

  return (
    <Modal opened onClose={onClose} title={`${TITLES[intention.kind]} · ${stationId}`}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        {intention.kind === 'RemoteStart' && <TokenInput value={token} onChange={setToken} />}
        {intention.kind in NO_EVSE && evseIds.length > 1 && (
          <NativeSelect
            label="EVSE"
            value={evse}
            onChange={(event) => setEvse(event.currentTarget.value)}
            data={[
              { value: '', label: NO_EVSE[intention.kind as keyof typeof NO_EVSE] },
              ...evseIds.map((id) => ({ value: String(id), label: `EVSE ${id}` })),
            ]}
          />
        )}
        {intention.kind === 'UnlockConnector' && (
          <p className="sy-muted">A session that runs there may end.</p>
        )}
        {intention.kind === 'ChangeAvailability' && (
          <>
            <NativeSelect
              label="Service"
              value={operational}
              onChange={(event) =>
                setOperational(event.currentTarget.value === 'Operative' ? 'Operative' : 'Inoperative')
              }
              data={[
                { value: 'Inoperative', label: 'Out of service' },
                { value: 'Operative', label: 'In service' },
              ]}
            />
            <p className="sy-muted">
              A running session ends first. If the station is away it is told when it comes back, within a
              day.
            </p>
          </>
        )}
        {intention.kind === 'RemoteStop' && <p>{stopQuestion(intention.session, zone)}</p>}
        {intention.kind === 'Reset' && (
          <>
            <NativeSelect
              label="How"
              value={reset}
              onChange={(event) => setReset(event.currentTarget.value === 'Hard' ? 'Hard' : 'Soft')}
              data={[
                { value: 'Soft', label: 'Soft: sessions end first' },
                { value: 'Hard', label: 'Hard: at once' },
              ]}
            />
            <p className="sy-muted">
              The station is away for a while. {reset === 'Hard' && 'A running session is cut off.'}
            </p>
          </>
        )}
        {sending.error ? failed(sending.error) : null}
        <FormActions
          verb={VERBS[intention.kind]}
          pending={sending.isPending}
          disabled={
            (intention.kind === 'RemoteStart' && token.trim() === '') ||
            (intention.kind === 'UnlockConnector' && evse === '')
          }
          onClose={onClose}
        />
      </form>
    </Modal>
  )
}

function stopQuestion(session: SessionView, zone: string): string {
  const startedMs = epochOf(session.startedAt)
  const since = startedMs === undefined ? '' : `, running since ${instantText(startedMs, zone)}`
  const energy = session.milliWh === null ? '' : `, ${energyText(session.milliWh)} so far`
  return `The session of ${session.idToken ?? 'no token'}${since}${energy}, will end and be billed.`
}

/** Free text, with the known tokens to choose from. */
function TokenInput({ value, onChange }: { value: string; onChange(value: string): void }) {
  const tokens = useInfiniteQuery(tokensQuery()).data?.pages[0]?.items ?? []
  return (
    <>
      <TextInput
        label="Token"
        description="Who charges and pays; known tokens are offered while typing."
        list="known-tokens"
        maxLength={255}
        data-autofocus
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <datalist id="known-tokens">
        {tokens
          .filter((token) => token.valid)
          .map((token) => (
            <option key={`${token.type}/${token.idToken}`} value={token.idToken} />
          ))}
      </datalist>
    </>
  )
}
