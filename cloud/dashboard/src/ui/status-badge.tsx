/** A status: tone, sign and word together, so that it is never told by colour alone. */
import {
  IconAlertTriangle,
  IconBan,
  IconBolt,
  IconCheck,
  IconCircleCheck,
  IconClockPause,
  IconEyeSearch,
  IconInfoCircle,
  IconPlugConnectedX,
} from '@tabler/icons-react'
import classes from './status-badge.module.css'

const SIGNS = {
  charging: IconBolt,
  available: IconCircleCheck,
  waiting: IconClockPause,
  fault: IconAlertTriangle,
  off: IconPlugConnectedX,
  done: IconCheck,
  blocked: IconBan,
  info: IconInfoCircle,
  review: IconEyeSearch,
} as const

export function StatusBadge({ tone, children }: { tone: keyof typeof SIGNS; children: string }) {
  const Sign = SIGNS[tone]
  return (
    <span className={classes.badge} data-tone={tone}>
      <Sign size={14} aria-hidden />
      <span className={classes.word}>{children}</span>
    </span>
  )
}
