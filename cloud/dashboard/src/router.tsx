/** Every page of the dashboard and its address, in one table; each page is its own chunk. */
import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { ProblemError } from './api/problem.ts'
import { meQuery } from './api/queries.ts'
import { AppFrame } from './layout/app-frame.tsx'
import { NotFoundPage, PageFailed, PagePending } from './layout/page-states.tsx'

export interface PageContext {
  queryClient: QueryClient
  /** Leads to the sign-in when the error says that the session has ended. */
  noteError(error: unknown): void
}

const SESSION_STATUSES = ['running', 'ended', 'review', 'waived'] as const
type SessionStatus = (typeof SESSION_STATUSES)[number]

/** A path inside this page; anything else (another host, a scheme) is refused. */
function localPath(value: unknown): string | undefined {
  return typeof value === 'string' && /^\/(?![/\\])/.test(value) ? value : undefined
}

const root = createRootRouteWithContext<PageContext>()({ component: Outlet, notFoundComponent: NotFoundPage })

const signInRoute = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search): { to?: string } => {
    const to = localPath(search.to)
    return to === undefined ? {} : { to }
  },
  component: lazyRouteComponent(() => import('./pages/sign-in-page.tsx'), 'SignInPage'),
})

const frame = createRoute({
  getParentRoute: () => root,
  id: 'frame',
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(meQuery())
    } catch (error) {
      if (error instanceof ProblemError && error.status === 401) {
        throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { to: location.href } })
      }
      throw error
    }
  },
  component: AppFrame,
  errorComponent: PageFailed,
})

const overviewRoute = createRoute({
  getParentRoute: () => frame,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/overview-page.tsx'), 'OverviewPage'),
})
const siteRoute = createRoute({
  getParentRoute: () => frame,
  path: '/sites/$siteId',
  component: lazyRouteComponent(() => import('./pages/site-page.tsx'), 'SitePage'),
})
const stationsRoute = createRoute({
  getParentRoute: () => frame,
  path: '/stations',
  component: lazyRouteComponent(() => import('./pages/stations-page.tsx'), 'StationsPage'),
})
const stationRoute = createRoute({
  getParentRoute: () => frame,
  path: '/stations/$stationId',
  component: lazyRouteComponent(() => import('./pages/station-page.tsx'), 'StationPage'),
})
const messagesRoute = createRoute({
  getParentRoute: () => frame,
  path: '/stations/$stationId/messages',
  validateSearch: (search): { action?: string; sessionId?: string } => ({
    ...(typeof search.action === 'string' ? { action: search.action } : {}),
    ...(typeof search.sessionId === 'string' ? { sessionId: search.sessionId } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/messages-page.tsx'), 'MessagesPage'),
})
const sessionsRoute = createRoute({
  getParentRoute: () => frame,
  path: '/sessions',
  validateSearch: (search): { status?: SessionStatus } => {
    const status = SESSION_STATUSES.find((known) => known === search.status)
    return status === undefined ? {} : { status }
  },
  component: lazyRouteComponent(() => import('./pages/sessions-page.tsx'), 'SessionsPage'),
})
const sessionRoute = createRoute({
  getParentRoute: () => frame,
  path: '/sessions/$sessionId',
  component: lazyRouteComponent(() => import('./pages/session-page.tsx'), 'SessionPage'),
})
const reviewsRoute = createRoute({
  getParentRoute: () => frame,
  path: '/reviews',
  validateSearch: (search): { status?: 'settled' } =>
    search.status === 'settled' ? { status: 'settled' } : {},
  component: lazyRouteComponent(() => import('./pages/reviews-page.tsx'), 'ReviewsPage'),
})
const reviewRoute = createRoute({
  getParentRoute: () => frame,
  path: '/reviews/$reviewId',
  component: lazyRouteComponent(() => import('./pages/review-page.tsx'), 'ReviewPage'),
})
const tokensRoute = createRoute({
  getParentRoute: () => frame,
  path: '/tokens',
  component: lazyRouteComponent(() => import('./pages/tokens-page.tsx'), 'TokensPage'),
})
const tariffsRoute = createRoute({
  getParentRoute: () => frame,
  path: '/tariffs',
  component: lazyRouteComponent(() => import('./pages/tariffs-page.tsx'), 'TariffsPage'),
})
const invoicesRoute = createRoute({
  getParentRoute: () => frame,
  path: '/invoices',
  component: lazyRouteComponent(() => import('./pages/invoices-page.tsx'), 'InvoicesPage'),
})
const invoiceRoute = createRoute({
  getParentRoute: () => frame,
  path: '/invoices/$invoiceId',
  component: lazyRouteComponent(() => import('./pages/invoice-page.tsx'), 'InvoicePage'),
})
const rolloutsRoute = createRoute({
  getParentRoute: () => frame,
  path: '/rollouts',
  component: lazyRouteComponent(() => import('./pages/rollouts-page.tsx'), 'RolloutsPage'),
})
const rolloutRoute = createRoute({
  getParentRoute: () => frame,
  path: '/rollouts/$rolloutId',
  component: lazyRouteComponent(() => import('./pages/rollout-page.tsx'), 'RolloutPage'),
})
const alertsRoute = createRoute({
  getParentRoute: () => frame,
  path: '/alerts',
  component: lazyRouteComponent(() => import('./pages/alerts-page.tsx'), 'AlertsPage'),
})

const routeTree = root.addChildren([
  signInRoute,
  frame.addChildren([
    overviewRoute,
    siteRoute,
    stationsRoute,
    stationRoute,
    messagesRoute,
    sessionsRoute,
    sessionRoute,
    reviewsRoute,
    reviewRoute,
    tokensRoute,
    tariffsRoute,
    invoicesRoute,
    invoiceRoute,
    rolloutsRoute,
    rolloutRoute,
    alertsRoute,
  ]),
])

export function createPageRouter(queryClient: QueryClient) {
  const router = createRouter({
    routeTree,
    context: { queryClient, noteError },
    defaultPreload: 'intent',
    defaultPendingComponent: PagePending,
    defaultErrorComponent: PageFailed,
    defaultNotFoundComponent: NotFoundPage,
    scrollRestoration: true,
  })
  function noteError(error: unknown): void {
    if (!(error instanceof ProblemError) || error.status !== 401) return
    const { href, pathname } = router.state.location
    if (pathname === '/sign-in') return
    queryClient.removeQueries()
    void router.navigate({ to: '/sign-in', search: href === '/' ? {} : { to: href } })
  }
  return router
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPageRouter>
  }
}
