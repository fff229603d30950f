/** How resources are cached: facts invalidate them, so nothing is stale by age alone; only passing failures are tried again. */
import { QueryClient } from '@tanstack/react-query'
import { isPassing } from './problem.ts'

/** While the stream is down nothing invalidates; what is looked at again after this long is read again. */
const STALE_AFTER_MS = 30_000
/** A resource that nothing shows is dropped after this long. */
const KEEP_MS = 5 * 60_000
const MAX_RETRIES = 2

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: STALE_AFTER_MS,
        gcTime: KEEP_MS,
        retry: (failures, error) => failures < MAX_RETRIES && isPassing(error),
        retryDelay: (failures) => Math.min(500 * 2 ** failures, 5_000),
        refetchOnWindowFocus: true,
        networkMode: 'always',
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  })
}
