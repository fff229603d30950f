/** What a consumer does with facts that belong to traces: a hop of each, under which the facts that follow are told. */
import { beginHop, HOPS_OF_A_BATCH, type Hop } from '@switchyard/tracing/hop.ts'
import type { Reading } from './entry.ts'

export interface TracedReadings {
  readings: Reading[]
  /** All of them were taken, or none of them. */
  end(failure?: string): void
}

/** Of many readings the first `HOPS_OF_A_BATCH` that belong to a trace; the others go on naming the hop before. */
export function tracedReadings(consumer: string, readings: Reading[]): TracedReadings {
  const hops: Hop[] = []
  const traced = readings.map((reading) => {
    const { entry } = reading
    if (entry.trace === null || hops.length >= HOPS_OF_A_BATCH) return reading
    const hop = beginHop(`consume ${entry.kind}`, 'consumer', entry.trace, {
      consumer,
      'log.partition': entry.partition,
      'log.position': entry.position,
      ...(entry.siteId === null ? {} : { 'site.id': entry.siteId }),
      ...(entry.sessionId === null ? {} : { 'session.id': entry.sessionId }),
    })
    if (!hop) return reading
    hops.push(hop)
    return { ...reading, entry: { ...entry, trace: hop.traceparent } }
  })
  return {
    readings: traced,
    end: (failure) => {
      for (const hop of hops) hop.end(failure)
    },
  }
}
