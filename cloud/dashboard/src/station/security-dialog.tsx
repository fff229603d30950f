/** Asks once more before a credential of a station is changed, and says what happens to the one that it has. */
import { Checkbox, Modal, NativeSelect } from '@mantine/core'
import type { CommandInput } from '@switchyard/protocol/api/commands.ts'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { sendCommand } from '../api/actions.ts'
import { randomId } from '../random.ts'
import { FormActions } from '../ui/form-actions.tsx'
import { Failed } from '../ui/states.tsx'
import { noteIssued } from './issued-commands.ts'
import classes from './station-commands.module.css'

export type SecurityIntention = 'RotatePassword' | 'RotateCertificate' | 'UpgradeSecurityProfile'

const TITLES = {
  RotatePassword: 'A new password',
  RotateCertificate: 'A new certificate',
  UpgradeSecurityProfile: 'A higher security profile',
} as const
const EXPLAINED = {
  RotatePassword:
    'A password is drawn and given to the station. The one before is taken until a connection has come with the new one.',
  RotateCertificate:
    'The station asks for a certificate, which the CA of its site signs. The one before is taken until a connection has come with the new one.',
  UpgradeSecurityProfile:
    'The station is told once it has all that the profile needs. When a connection has come with it, nothing below is taken any more.',
} as const

interface SecurityDialogProps {
  intention: SecurityIntention
  stationId: string
  /** The profile that it has: higher ones can be chosen. */
  above: number
  onClose(): void
}

export function SecurityDialog({ intention, stationId, above, onClose }: SecurityDialogProps) {
  const choices = [1, 2, 3].filter((profile) => profile > above)
  const [profile, setProfile] = useState(choices[0] ?? 3)
  const [installRoot, setInstallRoot] = useState(true)
  const [idempotencyKey] = useState(randomId)
  const command: CommandInput =
    intention === 'UpgradeSecurityProfile'
      ? { kind: intention, args: { profile, ...(profile > 1 ? { installRoot } : {}) } }
      : { kind: intention, args: {} }
  const text = intention === 'UpgradeSecurityProfile' ? `Security profile ${profile}` : TITLES[intention]
  const sending = useMutation({
    mutationFn: () => sendCommand(stationId, command, idempotencyKey),
    onSuccess: ({ commandId }) => {
      noteIssued({ commandId, stationId, text })
      onClose()
    },
  })
  return (
    <Modal opened onClose={onClose} title={`${TITLES[intention]} · ${stationId}`}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault()
          sending.mutate()
        }}
      >
        {intention === 'UpgradeSecurityProfile' && (
          <>
            <NativeSelect
              label="Security profile"
              data-autofocus
              value={String(profile)}
              onChange={(event) => setProfile(Number(event.currentTarget.value))}
              data={choices.map(String)}
            />
            {profile > 1 && (
              <Checkbox
                label="Give it the root certificate of its site first, if it has none"
                checked={installRoot}
                onChange={(event) => setInstallRoot(event.currentTarget.checked)}
              />
            )}
          </>
        )}
        <p className="sy-muted">{EXPLAINED[intention]}</p>
        {sending.error ? <Failed error={sending.error} /> : null}
        <FormActions verb="Send" pending={sending.isPending} onClose={onClose} />
      </form>
    </Modal>
  )
}
