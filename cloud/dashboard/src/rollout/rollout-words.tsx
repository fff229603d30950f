/** How a roll-out, and each of its stations, stands: as a badge and in words. */
import type {
  Rollout,
  RolloutHold,
  RolloutKind,
  RolloutStation,
  RolloutStationState,
  RolloutStatus,
} from '@switchyard/protocol/api/rollouts.ts'
import { StatusBadge } from '../ui/status-badge.tsx'

const STATUSES = {
  running: { tone: 'charging', word: 'Running' },
  paused: { tone: 'waiting', word: 'Paused' },
  halted: { tone: 'fault', word: 'Halted' },
  cancelled: { tone: 'blocked', word: 'Cancelled' },
  completed: { tone: 'done', word: 'Completed' },
} as const satisfies Record<RolloutStatus, unknown>

const STATES = {
  waiting: { tone: 'waiting', word: 'Waiting' },
  updating: { tone: 'charging', word: 'Told' },
  done: { tone: 'done', word: 'Done' },
  failed: { tone: 'fault', word: 'Failed' },
  skipped: { tone: 'info', word: 'Skipped' },
  cancelled: { tone: 'blocked', word: 'Cancelled' },
} as const satisfies Record<RolloutStationState, unknown>

const HOLDS: Record<RolloutHold, string> = {
  turn: 'its turn has not come',
  canary: 'the first station of its site is not through yet',
  charging: 'a session is running',
  away: 'it is not connected',
  'again-later': 'it was put off, and is asked again',
}

export function RolloutBadge({ rollout }: { rollout: Rollout }) {
  const { tone, word } = STATUSES[rollout.status]
  return <StatusBadge tone={tone}>{word}</StatusBadge>
}

export function RolloutStationBadge({ state }: { state: RolloutStationState }) {
  return <StatusBadge tone={STATES[state].tone}>{STATES[state].word}</StatusBadge>
}

/** "3 of 10 done, 1 failed". */
export function progressText({ stations }: Rollout): string {
  const all = Object.values(stations).reduce((sum, count) => sum + count, 0)
  const others = (['updating', 'failed', 'skipped', 'cancelled'] as const)
    .filter((state) => stations[state] > 0)
    .map((state) => `${stations[state]} ${STATES[state].word.toLowerCase()}`)
  return [`${stations.done} of ${all} done`, ...others].join(', ')
}

/** What a station waits for, what it said last, or why it failed. */
export function stationText({ state, heldBy, progress, reason }: RolloutStation): string {
  if (state === 'waiting') return heldBy === null ? '' : HOLDS[heldBy]
  if (state === 'updating') return progress ?? 'nothing heard yet'
  return reason ?? ''
}

const KINDS: Record<Exclude<RolloutKind, 'UpdateFirmware'>, string> = {
  RotatePassword: 'New passwords',
  RotateCertificate: 'New certificates',
  UpgradeSecurityProfile: 'Higher security profile',
}
/** What a roll-out can change, in words, in the order of a choice. */
export const KIND_CHOICES: { value: RolloutKind; label: string }[] = [
  { value: 'UpdateFirmware', label: 'Firmware' },
  ...(Object.keys(KINDS) as (keyof typeof KINDS)[]).map((value) => ({ value, label: KINDS[value] })),
]

/** What stations are brought to: a version, or a change of how they prove who they are. */
export function whatText({ kind, version, args }: Rollout): string {
  if (kind === 'UpdateFirmware') return `Firmware ${version ?? ''}`
  const profile =
    kind === 'UpgradeSecurityProfile' && typeof args?.profile === 'number' ? ` ${args.profile}` : ''
  return `${KINDS[kind]}${profile}`
}

/** The name that somebody gave it, else what is rolled out. */
export function rolloutTitle(rollout: Rollout): string {
  return rollout.name ?? whatText(rollout)
}
