/** What the page reads, one query per resource. Facts from the stream invalidate them; nothing polls but a pending command and a roll-out. */
import type { CommandResource } from '@switchyard/protocol/api/commands.ts'
import type { Firmware } from '@switchyard/protocol/api/firmware.ts'
import type { StationMessage } from '@switchyard/protocol/api/messages.ts'
import type { Review, ReviewDetail } from '@switchyard/protocol/api/reviews.ts'
import type { Rollout, RolloutStation } from '@switchyard/protocol/api/rollouts.ts'
import type { StationSettings } from '@switchyard/protocol/api/settings.ts'
import type {
  Alert,
  Driver,
  Invoice,
  Session,
  SignedData,
  Site,
  SiteLane,
  TariffResource,
  Token,
} from '@switchyard/protocol/api/shapes.ts'
import type { Station } from '@switchyard/protocol/api/stations.ts'
import { infiniteQueryOptions, type QueryKey, queryOptions } from '@tanstack/react-query'
import { type QueryParameters, REQUEST_TIMEOUT_MS, request } from './client.ts'
import { keys } from './keys.ts'

/** A page of a list as the API gives it. */
export interface Page<T> {
  items: T[]
  next: string | null
}

/** Who is signed in: an operator's e-mail or an API key's name. */
export interface Me {
  kind: string
  name: string
  tenantId: string
}

/** Rows asked for at once in lists that load more. */
export const LIST_PAGE = 50
/** The most that the API gives in one page; what is shown whole reads at most MAX_WHOLE_PAGES of them. */
const WHOLE_PAGE = 500
const MAX_WHOLE_PAGES = 4
/** What is fetched from a site: the API itself waits 45 s for it. */
const SITE_TIMEOUT_MS = 50_000

/** Reads a list to its end, at most MAX_WHOLE_PAGES pages; `next` tells whether there would be more. */
async function readWhole<T>(path: string, query: QueryParameters, signal: AbortSignal): Promise<Page<T>> {
  const items: T[] = []
  let cursor: string | null = null
  for (let read = 0; read < MAX_WHOLE_PAGES; read++) {
    const page: Page<T> = await request(path, { query: { ...query, limit: WHOLE_PAGE, cursor }, signal })
    items.push(...page.items)
    cursor = page.next
    if (cursor === null) break
  }
  return { items, next: cursor }
}

function whole<T>(queryKey: QueryKey, path: string, query: QueryParameters = {}) {
  return queryOptions({ queryKey, queryFn: ({ signal }) => readWhole<T>(path, query, signal) })
}

function one<T>(queryKey: QueryKey, path: string) {
  return queryOptions({ queryKey, queryFn: ({ signal }) => request<T>(path, { signal }) })
}

function paged<T>(
  queryKey: QueryKey,
  path: string,
  query: QueryParameters = {},
  limit = LIST_PAGE,
  timeoutMs = REQUEST_TIMEOUT_MS,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ signal, pageParam }) =>
      request<Page<T>>(path, { query: { ...query, limit, cursor: pageParam }, signal, timeoutMs }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
  })
}

const id = encodeURIComponent

export const meQuery = () => one<Me>(keys.me, '/me')
export const sitesQuery = () => whole<Site>(keys.sites, '/sites')
export const lanesQuery = (siteId: string) =>
  one<Page<SiteLane>>(keys.siteLanes(siteId), `/sites/${id(siteId)}/lanes`)
export const stationsQuery = (filter: { siteId?: string } = {}) =>
  whole<Station>(keys.stationList(filter), '/stations', filter)
export const stationQuery = (stationId: string) =>
  one<Station>(keys.station(stationId), `/stations/${id(stationId)}`)

export const stationSettingsQuery = (stationId: string) =>
  one<StationSettings>(keys.stationSettings(stationId), `/stations/${id(stationId)}/settings`)

export interface MessageFilter {
  action?: string
  sessionId?: string
}
/** Newest first. Each page is fetched from the site while one waits for it, so it is asked for by a person and never by itself. */
export const stationMessagesQuery = (stationId: string, filter: MessageFilter) => ({
  ...paged<StationMessage>(
    keys.stationMessages(stationId, filter),
    `/stations/${id(stationId)}/messages`,
    { ...filter },
    LIST_PAGE,
    SITE_TIMEOUT_MS,
  ),
  staleTime: Number.POSITIVE_INFINITY,
  retry: false,
})

/** A roll-out moves without a fact of its own: an open page asks again this often. */
export const ROLLOUT_POLL_MS = 5_000
/** Newest first. */
export const rolloutsQuery = () => paged<Rollout>([...keys.rollouts, 'list'], '/rollouts')
export const rolloutQuery = (rolloutId: string) =>
  one<Rollout>(keys.rollout(rolloutId), `/rollouts/${id(rolloutId)}`)
/** By id; of all states, or of one. */
export const rolloutStationsQuery = (rolloutId: string, state?: RolloutStation['state']) =>
  paged<RolloutStation>(
    [...keys.rollout(rolloutId), 'stations', state],
    `/rollouts/${id(rolloutId)}/stations`,
    {
      state,
    },
  )
export const firmwareQuery = () => whole<Firmware>(keys.firmware, '/firmware')

export interface SessionFilter {
  siteId?: string
  stationId?: string
  status?: Session['status']
}
/** Newest first. */
export const sessionsQuery = (filter: SessionFilter = {}, limit = LIST_PAGE) =>
  paged<Session>(keys.sessionList({ ...filter, limit }), '/sessions', { ...filter }, limit)
/** All that run now, of one site or of all. */
export const runningSessionsQuery = (filter: { siteId?: string; stationId?: string } = {}) =>
  whole<Session>(keys.sessionList({ ...filter, running: true }), '/sessions', {
    ...filter,
    status: 'running',
  })
export const sessionQuery = (sessionId: string) =>
  one<Session>(keys.session(sessionId), `/sessions/${id(sessionId)}`)

export const signedDataQuery = (sessionId: string) =>
  one<SignedData>(keys.signedData(sessionId), `/sessions/${id(sessionId)}/signed-data`)

/** What waits longest comes first. */
export const reviewsQuery = (status: Review['status']) =>
  paged<Review>([...keys.reviews, 'list', status], '/reviews', { status })
export const reviewQuery = (reviewId: string) =>
  one<ReviewDetail>(keys.review(reviewId), `/reviews/${id(reviewId)}`)

export const commandQuery = (commandId: string) =>
  one<CommandResource>(keys.command(commandId), `/commands/${id(commandId)}`)

export const tokensQuery = () => paged<Token>(keys.tokens, '/tokens')
export const driversQuery = () => whole<Driver>(keys.drivers, '/drivers')
export const tariffsQuery = () => whole<TariffResource>(keys.tariffs, '/tariffs')
export const invoicesQuery = () => paged<Invoice>([...keys.invoices, 'list'], '/invoices')
export const invoiceQuery = (invoiceId: string) =>
  one<Invoice>(keys.invoice(invoiceId), `/invoices/${id(invoiceId)}`)
export const invoiceLinesQuery = (invoiceId: string) =>
  paged<Invoice['lines'][number]>([...keys.invoice(invoiceId), 'lines'], `/invoices/${id(invoiceId)}/lines`)
export const alertsQuery = () => paged<Alert>(keys.alerts, '/alerts')
