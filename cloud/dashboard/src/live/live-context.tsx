/** Connects the stream with the cache and the live store, for everything below it in the page. */
import type { StreamFact, StreamLive } from '@switchyard/protocol/api/shapes.ts'
import { useQueryClient } from '@tanstack/react-query'
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from 'react'
import { apiUrl } from '../api/client.ts'
import { keys } from '../api/keys.ts'
import { after, noteServerDate, nowMs } from '../clock.ts'
import { random } from '../random.ts'
import { openEventStream, type StreamState } from '../stream/event-stream.ts'
import { InvalidationQueue } from '../stream/invalidation-queue.ts'
import { touchedBy } from '../stream/touched.ts'
import { type LiveOutcome, LiveStore, type ReceivedPicture } from './live-store.ts'
import type { TracePoint } from './power-trace.ts'

interface LiveContextValue {
  store: LiveStore
  state: StreamState
  retryNow(): void
}

const LiveContext = createContext<LiveContextValue | null>(null)

function parse<T>(data: string): T | undefined {
  try {
    return JSON.parse(data) as T
  } catch {
    return undefined
  }
}

/** Keeps one stream open as long as it is mounted. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient()
  const [store] = useState(() => new LiveStore())
  const [state, setState] = useState<StreamState>({ phase: 'connecting' })
  const [retry, setRetry] = useState<() => void>(() => () => {})

  useEffect(() => {
    const queue = new InvalidationQueue({
      nowMs,
      after,
      invalidate: (queryKey) => void queryClient.invalidateQueries({ queryKey }),
    })
    const stream = openEventStream(
      apiUrl('/stream'),
      {
        state: (next) => {
          setState(next)
          // Who is signed in is asked again: the refusal leads to the sign-in page.
          if (next.phase === 'signed-out') void queryClient.invalidateQueries({ queryKey: keys.me })
        },
        open: (resumed) => {
          if (!resumed) queue.addAll()
        },
        event: (event) => {
          if (event.type === 'fact') {
            const fact = parse<StreamFact>(event.data)
            if (fact) queue.add(touchedBy(fact))
          } else if (event.type === 'live') {
            const picture = parse<StreamLive>(event.data)
            if (picture) store.accept(picture, nowMs())
          } else if (event.type === 'reset') {
            queue.addAll()
          }
        },
      },
      {
        nowMs,
        random,
        after,
        fetch: async (url, init) => {
          const response = await fetch(url, init)
          noteServerDate(response.headers.get('date'))
          return response
        },
      },
    )
    const retryNow = () => stream.retryNow()
    const retryWhenSeen = () => {
      if (document.visibilityState === 'visible') retryNow()
    }
    setRetry(() => retryNow)
    window.addEventListener('online', retryNow)
    document.addEventListener('visibilitychange', retryWhenSeen)
    return () => {
      window.removeEventListener('online', retryNow)
      document.removeEventListener('visibilitychange', retryWhenSeen)
      stream.close()
      queue.close()
      store.clear()
    }
  }, [queryClient, store])

  return <LiveContext value={{ store, state, retryNow: retry }}>{children}</LiveContext>
}

function useLive(): LiveContextValue {
  const value = useContext(LiveContext)
  if (!value) throw new Error('LiveProvider is missing above this component')
  return value
}

export function useStreamState(): { state: StreamState; retryNow(): void } {
  return useLive()
}

/** The newest picture of a site; renders again when it changes. */
export function useLivePicture(siteId: string | undefined): ReceivedPicture | undefined {
  const { store } = useLive()
  const read = useCallback(() => (siteId === undefined ? undefined : store.picture(siteId)), [store, siteId])
  return useSyncExternalStore(store.subscribe, read)
}

/** The newest picture of every site, for lists across sites; the function changes with every picture. */
export function useLivePictures(): (siteId: string) => ReceivedPicture | undefined {
  const { store } = useLive()
  const version = useSyncExternalStore(store.subscribe, store.version)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version is a new function, so that who memoises on it looks again
  return useCallback((siteId: string) => store.picture(siteId), [store, version])
}

/** The outcome of a command as the site told it early, before its fact. */
export function useLiveOutcome(commandId: string): LiveOutcome | undefined {
  const { store } = useLive()
  const read = useCallback(() => store.outcome(commandId), [store, commandId])
  return useSyncExternalStore(store.subscribe, read)
}

/** Power readings of a session seen since the page was opened, oldest first. */
export function usePowerTrace(sessionId: string): readonly TracePoint[] {
  const { store } = useLive()
  const read = useCallback(() => store.trace.of(sessionId), [store, sessionId])
  return useSyncExternalStore(store.subscribe, read)
}
