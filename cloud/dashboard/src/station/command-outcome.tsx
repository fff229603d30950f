/** A command that was sent, and what came of it. */
import type { CommandResource } from '@switchyard/protocol/api/commands.ts'
import { useQuery } from '@tanstack/react-query'
import { commandQuery } from '../api/queries.ts'
import { useLiveOutcome } from '../live/live-context.tsx'
import type { Tone } from '../live/status-sentence.ts'
import { StatusBadge } from '../ui/status-badge.tsx'
import { Time } from '../ui/time.tsx'
import type { IssuedCommand } from './issued-commands.ts'
import classes from './station-commands.module.css'

/** A pending command is asked for this often, should the stream be down. */
const POLL_MS = 2_000

type Status = CommandResource['status']
const WORDS: Record<Status, { tone: Tone; word: string }> = {
  pending: { tone: 'waiting', word: 'Waiting' },
  accepted: { tone: 'available', word: 'Accepted' },
  rejected: { tone: 'fault', word: 'Refused' },
  failed: { tone: 'fault', word: 'Failed' },
  expired: { tone: 'off', word: 'Expired' },
  unknown: { tone: 'review', word: 'Outcome unknown' },
}

const EXPLAINED: Partial<Record<Status, string>> = {
  pending: 'on its way to the station',
  rejected: 'the station refused it',
  expired: 'it was not delivered in time and has no effect',
  unknown: 'it was sent, and no answer came; it may have had its effect',
}

function isStatus(status: string): status is Status {
  return Object.hasOwn(WORDS, status)
}

export function CommandOutcome({ command, zone }: { command: IssuedCommand; zone: string }) {
  const { data } = useQuery({
    ...commandQuery(command.commandId),
    refetchInterval: ({ state }) =>
      state.data === undefined || state.data.status === 'pending' ? POLL_MS : false,
  })
  const early = useLiveOutcome(command.commandId)
  const stored = data?.status ?? 'pending'
  const status = stored === 'pending' && early && isStatus(early.status) ? early.status : stored
  const error = data?.error ?? early?.error
  const why = error ? `${error.description || error.code}` : EXPLAINED[status]
  return (
    <li className={classes.outcome}>
      <StatusBadge tone={WORDS[status].tone}>{WORDS[status].word}</StatusBadge>
      <span className={classes.what}>
        {command.text}
        {why && <span className="sy-muted">: {why}</span>}
      </span>
      <Time at={data?.finishedAt ?? data?.issuedAt} zone={zone} short seconds />
    </li>
  )
}
