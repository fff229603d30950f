/** The three things that a person can do with a session in review; each is asked once more before it is done. */
import { Button, Checkbox, Modal, Textarea, TextInput } from '@mantine/core'
import type { ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { decideReview, type ReviewDecision } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { InputError, isPassing } from '../api/problem.ts'
import { kwhField } from '../format/energy.ts'
import { amountText } from '../format/money.ts'
import { zonedText } from '../format/zoned-input.ts'
import { randomId } from '../random.ts'
import { Failed } from '../ui/states.tsx'
import { correctionOf } from './correction.ts'
import classes from './review.module.css'
import { whText } from './told-facts.tsx'

type Action = ReviewDecision['action']
const TITLES = {
  accept: 'Bill it as the site told it',
  correct: 'Bill it corrected',
  waive: 'Bill nothing for it',
} as const
const BUTTONS = { accept: 'Accept', correct: 'Correct', waive: 'Waive' } as const

export function ReviewActions({ review, zone }: { review: ReviewDetail; zone: string }) {
  const [action, setAction] = useState<Action | null>(null)
  const { proposed } = review.evidence
  const refused = proposed !== null && (proposed.against.length > 0 || proposed.costDetails === null)
  return (
    <>
      <div className={classes.actions}>
        <Button onClick={() => setAction('accept')} disabled={refused}>
          Accept…
        </Button>
        <Button variant="default" onClick={() => setAction('correct')}>
          Correct…
        </Button>
        <Button variant="default" color="red" onClick={() => setAction('waive')}>
          Waive…
        </Button>
      </div>
      {action && <Dialog action={action} review={review} zone={zone} onClose={() => setAction(null)} />}
    </>
  )
}

interface DialogProps {
  action: Action
  review: ReviewDetail
  zone: string
  onClose(): void
}

function Dialog({ action, review, zone, onClose }: DialogProps) {
  const queryClient = useQueryClient()
  // One key for what was filled in: pressing twice decides once, and another attempt after a refusal is another request.
  const [key, setKey] = useState(randomId)
  const deciding = useMutation({
    mutationFn: (form: FormData) => {
      const note = String(form.get('note') ?? '').trim()
      const correction = action === 'correct' ? correctionOf(form, review.told, zone) : {}
      if (action === 'correct' && !Object.keys(correction).some((name) => name !== 'override'))
        throw new InputError('Nothing was changed: change what is wrong, or accept it as it is.')
      const body = { revision: review.revision, ...(note === '' ? {} : { note }), ...correction }
      return decideReview(review.reviewId, { action, body }, key)
    },
    onSuccess: async (settled) => {
      queryClient.setQueryData(keys.review(review.reviewId), settled)
      onClose()
      await Promise.all([
        queryClient.invalidateQueries({ queryKey: keys.reviews }),
        queryClient.invalidateQueries({ queryKey: keys.sessions }),
      ])
    },
    onError: (error) => {
      if (!isPassing(error)) setKey(randomId())
    },
  })
  return (
    <Modal opened onClose={onClose} size="lg" title={`${TITLES[action]} · ${review.stationId}`}>
      <form
        className={classes.form}
        onSubmit={(event: FormEvent<HTMLFormElement>) => {
          event.preventDefault()
          deciding.mutate(new FormData(event.currentTarget))
        }}
      >
        <p>{questionOf(action, review)}</p>
        {action === 'correct' && <CorrectionFields review={review} zone={zone} />}
        <Textarea
          name="note"
          label={action === 'waive' ? 'Why' : 'Note'}
          description="Stands in the audit trail with your name."
          required={action === 'waive'}
          maxLength={2_000}
          autosize
          minRows={2}
        />
        {deciding.error ? <Failed error={deciding.error} /> : null}
        <div className={classes.dialogActions}>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            {...(action === 'waive' ? { color: 'red' } : {})}
            loading={deciding.isPending}
          >
            {BUTTONS[action]}
          </Button>
        </div>
      </form>
    </Modal>
  )
}

function questionOf(action: Action, { told, evidence: { proposed } }: ReviewDetail): string {
  const payable = proposed?.payable
  const before = payable
    ? ` The bill of ${amountText(payable.cost.amount, payable.cost.currency)} that it has is credited.`
    : ''
  if (action === 'waive') return `Nothing will be paid for this session.${before}`
  if (action === 'correct')
    return `What you leave as it is stands as the site told it; energy is the difference of the registers.${before}`
  const cost = proposed?.cost
  const amount = cost ? `, ${amountText(cost.amount, cost.currency)}` : ''
  return `The session will be billed with ${whText(told.energyWh)}${amount}.${before}`
}

function CorrectionFields({ review: { told }, zone }: { review: ReviewDetail; zone: string }) {
  const register = { inputMode: 'decimal', rightSection: 'kWh', rightSectionWidth: 44 } as const
  return (
    <>
      <div className={classes.pair}>
        <TextInput
          {...register}
          name="startRegister"
          label="Register at the start"
          defaultValue={kwhField(told.startRegisterWh)}
          data-autofocus
        />
        <TextInput
          {...register}
          name="endRegister"
          label="Register at the end"
          defaultValue={kwhField(told.endRegisterWh)}
        />
      </div>
      <TextInput
        {...register}
        name="energy"
        label="Energy"
        description="Only where no register is known; else it follows from them."
      />
      <div className={classes.pair}>
        <TextInput
          type="datetime-local"
          step={1}
          name="startedAt"
          label={`Started (${zone})`}
          defaultValue={zonedText(Date.parse(told.startedAt), zone)}
        />
        <TextInput
          type="datetime-local"
          step={1}
          name="endedAt"
          label={`Ended (${zone})`}
          defaultValue={zonedText(Date.parse(told.endedAt), zone)}
        />
      </div>
      <TextInput
        name="idToken"
        label="Token"
        description="Who pays; empty: nobody is known."
        defaultValue={told.idToken?.value ?? ''}
        maxLength={255}
      />
      <Checkbox
        name="override"
        label="Bill it though it is more than the connector can deliver (needs a note)"
      />
    </>
  )
}
