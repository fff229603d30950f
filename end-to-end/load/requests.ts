/** Requests to the API by autocannon, in a thread of its own, at a rate: what the dashboard and an operator's programs ask most. */
import autocannon from 'autocannon'
import type { Cloud } from './cloud.ts'

const PATHS = [
  '/api/v1/me',
  '/api/v1/sites?limit=50',
  '/api/v1/stations?limit=50',
  '/api/v1/sessions?limit=50',
  '/api/v1/cdrs?limit=50',
]
/** Longest that one may take. */
const TIMEOUT_S = 30

export interface RequestsTold {
  perSecond: number
  /** Latency in ms by quantile. */
  latency: { p50: number; p97_5: number; p99: number }
  /** Answers that are no 2xx, and requests without an answer. */
  failed: number
}

export async function runRequests(
  cloud: Cloud,
  { connections, perSecond }: { connections: number; perSecond: number },
  seconds: number,
): Promise<RequestsTold> {
  const it = await autocannon({
    url: cloud.services.get('api-gateway')!.url,
    connections,
    duration: Math.max(1, Math.round(seconds)),
    timeout: TIMEOUT_S,
    overallRate: Math.max(connections, perSecond),
    workers: 1,
    headers: { authorization: `Bearer ${cloud.apiKey}` },
    requests: PATHS.map((path) => ({ method: 'GET', path })),
  })
  return {
    perSecond: it['2xx'] / it.duration,
    latency: { p50: it.latency.p50, p97_5: it.latency.p97_5, p99: it.latency.p99 },
    failed: it.non2xx + it.errors,
  }
}
