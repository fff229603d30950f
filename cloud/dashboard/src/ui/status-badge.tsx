/** A status: tone, sign and word together, so that it is never told by colour alone. */
import {
  IconAlertTriangle,
  IconBolt,
  IconCheck,
  IconCircleCheck,
  IconClockPause,
  IconEyeSearch,
  IconPlugConnectedX,
} from '@tabler/icons-react'
import type { Tone } from '../live/status-sentence.ts'
import classes from './status-badge.module.css'

const SIGNS = {
  charging: IconBolt,
  available: IconCircleCheck,
  waiting: IconClockPause,
  fault: IconAlertTriangle,
  off: IconPlugConnectedX,
  done: IconCheck,
  review: IconEyeSearch,
} as const

export function StatusBadge({ tone, children }: { tone: Tone | 'done'; children: string }) {
  const Sign = SIGNS[tone]
  return (
    <span className={classes.badge} data-tone={tone}>
      <Sign size={14} aria-hidden />
      <span className={classes.word}>{children}</span>
    </span>
  )
}
