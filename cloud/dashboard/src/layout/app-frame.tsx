/** The frame of every page behind the sign-in: header, navigation, live stream. */
import { ActionIcon, useMantineColorScheme } from '@mantine/core'
import {
  IconBell,
  IconBolt,
  IconChargingPile,
  IconCloudDownload,
  IconCoins,
  IconEyeSearch,
  IconFileInvoice,
  IconId,
  IconLayoutDashboard,
  IconLogout,
  IconMenu2,
  IconMoon,
  IconSun,
  IconX,
} from '@tabler/icons-react'
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { signOut } from '../api/actions.ts'
import { alertsQuery, meQuery, reviewsQuery } from '../api/queries.ts'
import { LiveProvider } from '../live/live-context.tsx'
import classes from './app-frame.module.css'
import { ConnectionState } from './connection-state.tsx'

const PAGES = [
  { to: '/', text: 'Overview', icon: IconLayoutDashboard, exact: true },
  { to: '/stations', text: 'Stations', icon: IconChargingPile, exact: false },
  { to: '/sessions', text: 'Sessions', icon: IconBolt, exact: false },
  { to: '/reviews', text: 'Review', icon: IconEyeSearch, exact: false },
  { to: '/invoices', text: 'Invoices', icon: IconFileInvoice, exact: false },
  { to: '/tariffs', text: 'Tariffs', icon: IconCoins, exact: false },
  { to: '/tokens', text: 'Tokens & drivers', icon: IconId, exact: false },
  { to: '/rollouts', text: 'Roll-outs', icon: IconCloudDownload, exact: false },
  { to: '/alerts', text: 'Alerts', icon: IconBell, exact: false },
] as const

export function AppFrame() {
  const [open, setOpen] = useState(false)
  const path = useRouterState({ select: (state) => state.location.pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu of a phone closes whenever the page changes
  useEffect(() => setOpen(false), [path])

  return (
    <LiveProvider>
      <a className={classes.skip} href="#content">
        Skip to content
      </a>
      <header className={classes.header}>
        <ActionIcon
          className={classes.burger}
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={open ? 'Close the menu' : 'Open the menu'}
          aria-expanded={open}
          aria-controls="navigation"
          onClick={() => setOpen(!open)}
        >
          {open ? <IconX size={20} /> : <IconMenu2 size={20} />}
        </ActionIcon>
        <Link to="/" className={classes.brand}>
          <img src="/favicon.svg" alt="" width={24} height={24} />
          Switchyard
        </Link>
        <div className={classes.tools}>
          <ConnectionState />
          <ColorSchemeToggle />
          <SignOut />
        </div>
      </header>
      <nav
        id="navigation"
        className={classes.nav}
        data-open={open || undefined}
        aria-label="Main"
        onKeyDown={(event) => {
          if (event.key === 'Escape') setOpen(false)
        }}
      >
        <ul>
          {PAGES.map(({ to, text, icon: Icon, exact }) => (
            <li key={to}>
              <Link to={to} className={classes.link} activeOptions={{ exact, includeSearch: false }}>
                <Icon size={18} aria-hidden />
                <span>{text}</span>
                {to === '/alerts' && <OpenAlerts />}
                {to === '/reviews' && <OpenReviews />}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" className={classes.main} tabIndex={-1}>
        <Outlet />
      </main>
    </LiveProvider>
  )
}

/** How many alerts are open, of those read. */
function OpenAlerts() {
  const { data } = useInfiniteQuery(alertsQuery())
  const open = data?.pages.flatMap((page) => page.items).filter((alert) => alert.clearedAt === null) ?? []
  if (open.length === 0) return null
  return (
    <span className={classes.count}>
      {open.length}
      <span className="sy-hidden"> open</span>
    </span>
  )
}

/** How many sessions wait for a person; those that were not read are told by a plus. */
function OpenReviews() {
  const { data } = useInfiniteQuery(reviewsQuery('open'))
  const open = data?.pages.flatMap((page) => page.items).length ?? 0
  if (open === 0) return null
  return (
    <span className={classes.count} data-tone="review">
      {open}
      {data?.pages.at(-1)?.next ? '+' : ''}
      <span className="sy-hidden"> waiting</span>
    </span>
  )
}

function ColorSchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const systemDark = matchMedia('(prefers-color-scheme: dark)').matches
  const dark = colorScheme === 'dark' || (colorScheme === 'auto' && systemDark)
  const next = dark ? 'light' : 'dark'
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={`Use the ${next} colours`}
      // Going back to what the system says follows the system again.
      onClick={() => setColorScheme((next === 'dark') === systemDark ? 'auto' : next)}
    >
      {dark ? <IconSun size={18} /> : <IconMoon size={18} />}
    </ActionIcon>
  )
}

function SignOut() {
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const { data: me } = useQuery(meQuery())
  const who = me?.name ?? ''
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={who === '' ? 'Sign out' : `Sign out ${who}`}
      title={who === '' ? 'Sign out' : `Sign out ${who}`}
      onClick={async () => {
        // Even when the server cannot be reached the page forgets what it read.
        await signOut().catch(() => {})
        queryClient.clear()
        await navigate({ to: '/sign-in' })
      }}
    >
      <IconLogout size={18} />
    </ActionIcon>
  )
}
