/** The end of a form in a dialog: give it up, or send it. */
import { Button } from '@mantine/core'
import classes from './form-actions.module.css'

interface FormActionsProps {
  /** "Add" */
  verb: string
  pending: boolean
  disabled?: boolean
  onClose(): void
}

export function FormActions({ verb, pending, disabled = false, onClose }: FormActionsProps) {
  return (
    <div className={classes.actions}>
      <Button variant="default" onClick={onClose}>
        Cancel
      </Button>
      <Button type="submit" loading={pending} disabled={disabled}>
        {verb}
      </Button>
    </div>
  )
}
