/** Begins a roll-out: of what, to which stations, how carefully. */
import { Checkbox, Modal, NativeSelect, TextInput } from '@mantine/core'
import type { Firmware } from '@switchyard/protocol/api/firmware.ts'
import type { RolloutKind, RolloutWish } from '@switchyard/protocol/api/rollouts.ts'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { createRollout } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { firmwareQuery } from '../api/queries.ts'
import { useSites } from '../hooks/use-sites.ts'
import { randomId } from '../random.ts'
import { FormActions } from '../ui/form-actions.tsx'
import { Failed, Loaded } from '../ui/states.tsx'
import classes from './rollout.module.css'
import { KIND_CHOICES } from './rollout-words.tsx'

/** The choice that an image lies elsewhere. */
const ELSEWHERE = ''

function imageText({ vendor, model, version, signed }: Firmware): string {
  return `${vendor} ${model ?? '(all models)'} · ${version}${signed ? ' · signed' : ''}`
}

/** What the form says, as the API takes it; fields left empty are not sent. */
function wishOf(form: FormData): RolloutWish {
  const said = (name: string) => String(form.get(name) ?? '').trim()
  const given = (fields: Record<string, string>) =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''))
  const firmwareId = said('firmwareId')
  return {
    ...given({ name: said('name') }),
    ...(firmwareId === ELSEWHERE ? { location: said('location'), version: said('version') } : { firmwareId }),
    filter: given({
      siteId: said('siteId'),
      vendor: said('vendor'),
      model: said('model'),
      firmware: said('firmware'),
    }),
    policy: {
      width: Number(said('width')),
      maxFailures: Number(said('maxFailures')),
      whileCharging: form.get('whileCharging') !== null,
    },
  }
}

export function RolloutDialog({ onClose }: { onClose(): void }) {
  const images = useQuery(firmwareQuery())
  return (
    <Modal opened onClose={onClose} title="Begin a roll-out">
      <Loaded query={images}>
        {({ items }) => (
          <RolloutForm images={items.filter((it) => it.status === 'ready')} onClose={onClose} />
        )}
      </Loaded>
    </Modal>
  )
}

function RolloutForm({ images, onClose }: { images: Firmware[]; onClose(): void }) {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const sites = useSites()
  const [idempotencyKey, setIdempotencyKey] = useState(randomId)
  const [kind, setKind] = useState<RolloutKind>('UpdateFirmware')
  const [firmwareId, setFirmwareId] = useState(images[0]?.firmwareId ?? ELSEWHERE)
  const isFirmware = kind === 'UpdateFirmware'
  const chosen = isFirmware ? images.find((it) => it.firmwareId === firmwareId) : undefined
  const beginning = useMutation({
    mutationFn: (wish: RolloutWish) => createRollout(wish, idempotencyKey),
    // What was refused is corrected and sent anew, as another request.
    onError: () => setIdempotencyKey(randomId()),
    onSuccess: async ({ rolloutId }) => {
      await queryClient.invalidateQueries({ queryKey: keys.rollouts })
      await navigate({ to: '/rollouts/$rolloutId', params: { rolloutId } })
    },
  })
  return (
    <form
      className={classes.form}
      onSubmit={(event: FormEvent<HTMLFormElement>) => {
        event.preventDefault()
        beginning.mutate(wishOf(new FormData(event.currentTarget)))
      }}
    >
      <NativeSelect
        name="kind"
        label="What"
        data-autofocus
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value as RolloutKind)}
        data={KIND_CHOICES}
      />
      {kind === 'UpgradeSecurityProfile' && (
        <NativeSelect
          name="profile"
          label="Security profile"
          description="A station without the root certificate of its site is given it first."
          data={['1', '2', '3']}
          defaultValue="2"
        />
      )}
      {isFirmware && (
        <NativeSelect
          name="firmwareId"
          label="Image"
          value={firmwareId}
          onChange={(event) => setFirmwareId(event.currentTarget.value)}
          data={[
            ...images.map((it) => ({ value: it.firmwareId, label: imageText(it) })),
            { value: ELSEWHERE, label: 'At another address' },
          ]}
        />
      )}
      {isFirmware && chosen === undefined && (
        <>
          <TextInput
            name="location"
            label="Address"
            description="Where the stations fetch it."
            required
            maxLength={2_000}
          />
          <TextInput
            name="version"
            label="Version"
            description="As a station tells it when it boots with it."
            required
            maxLength={255}
          />
        </>
      )}
      <fieldset className={classes.fields}>
        <legend>For which stations: all that fit what is said here</legend>
        <NativeSelect
          name="siteId"
          label="Site"
          data={[
            { value: '', label: 'All sites' },
            ...sites.all.map(({ siteId, name }) => ({ value: siteId, label: name })),
          ]}
        />
        <TextInput
          key={`vendor of ${firmwareId}`}
          name="vendor"
          label="Vendor"
          defaultValue={chosen?.vendor ?? ''}
          maxLength={255}
        />
        <TextInput
          key={`model of ${firmwareId}`}
          name="model"
          label="Model"
          defaultValue={chosen?.model ?? ''}
          maxLength={255}
        />
        <TextInput name="firmware" label="Firmware that they have now" maxLength={255} />
      </fieldset>
      <fieldset className={classes.fields}>
        <legend>How</legend>
        <TextInput
          type="number"
          name="width"
          label="Stations in a wave"
          min={1}
          max={100}
          defaultValue={5}
          required
        />
        <TextInput
          type="number"
          name="maxFailures"
          label="Halt after so many failures"
          min={1}
          max={1_000}
          defaultValue={1}
          required
        />
      </fieldset>
      <Checkbox name="whileCharging" label="Do not wait for running sessions to end" />
      <TextInput name="name" label="Name" description="For people; may be left out." maxLength={100} />
      {beginning.error ? <Failed error={beginning.error} /> : null}
      <FormActions verb="Begin" pending={beginning.isPending} onClose={onClose} />
    </form>
  )
}
