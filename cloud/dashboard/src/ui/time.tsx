/** An instant in the site's zone, with its abbreviation; the exact UTC instant is in the markup and on hover. */
import { agoText } from '../format/duration.ts'
import { epochOf, instantText } from '../format/time.ts'
import { useNow } from '../hooks/use-now.ts'

interface TimeProps {
  at: string | null | undefined
  zone: string
  /** Leaves the date out today, and the year this year. */
  short?: boolean
  seconds?: boolean
}

export function Time({ at, zone, short = false, seconds = false }: TimeProps) {
  const now = useNow()
  const atMs = epochOf(at)
  if (atMs === undefined || !at) return <span className="sy-muted">–</span>
  return (
    <time dateTime={at} title={at} className="sy-nowrap">
      {instantText(atMs, zone, { short, seconds, nowMs: now })}
    </time>
  )
}

/** "12 s ago", moving. */
export function Ago({ at, zone }: { at: string | null | undefined; zone: string }) {
  const now = useNow()
  const atMs = epochOf(at)
  if (atMs === undefined || !at) return <span className="sy-muted">never</span>
  return (
    <time dateTime={at} title={instantText(atMs, zone, { seconds: true })} className="sy-nowrap">
      {agoText(atMs, now)}
    </time>
  )
}
