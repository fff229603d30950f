/** When all is well again: every part serves, every queue is empty, every reader of the log is at its head (invariant I11). */
import { behind, heldOf } from './log-check.ts'
import type { Site } from './site.ts'
import { isReady, type World } from './world.ts'

const PANEL_TIMEOUT_MS = 2_000
/** The cloud gives authority by itself where a journal goes on from another, within a few seconds; then it is an operator's to give. */
const FENCED_MS = 10_000
const STREAMS = ['ledger', 'telemetry'] as const

interface PanelStatus {
  journalId: string
  link: { linked: boolean; authority?: boolean }
  heads: Record<(typeof STREAMS)[number], { seq: number }>
  backlog: Record<(typeof STREAMS)[number], number> | null
}

async function panelOf(site: Site): Promise<PanelStatus> {
  const response = await fetch(`${site.panelUrl}/api/status`, {
    signal: AbortSignal.timeout(PANEL_TIMEOUT_MS),
  })
  return (await response.json()) as PanelStatus
}

/** The first thing that is not yet well; undefined when all is. */
export async function unrest(world: World): Promise<string | undefined> {
  for (const site of world.sites) {
    if (site.stations()?.program.running) return `the stations of ${site.siteId} still have something to tell`
  }
  for (const replica of world.replicas) {
    const ready = await isReady(replica).catch(() => false)
    if (!ready) return `${replica.kept.name} is not ready`
  }
  // All of them: what an operator must decide for one does not wait until another is well.
  const reasons = await Promise.all(
    world.sites.map((site) =>
      unrestOf(world, site).catch(
        (error: Error) => `${site.siteId} does not tell its state: ${error.message}`,
      ),
    ),
  )
  const reason = reasons.find((it) => it !== undefined)
  if (reason) return reason
  return behind(world.sql).catch((error: Error) => `the log cannot be read: ${error.message}`)
}

async function unrestOf(world: World, site: Site): Promise<string | undefined> {
  const { link, backlog, heads, journalId } = await panelOf(site)
  if (!link.linked) return `${site.siteId} has no link`
  if (link.authority === false) {
    await giveAuthority(world, site, journalId)
    return `${site.siteId} is fenced`
  }
  world.fencedSince.delete(site.siteId)
  for (const stream of STREAMS) {
    if (backlog?.[stream]) return `${site.siteId} has ${backlog[stream]} rows of ${stream} to send`
    const held = await heldOf(world.sql, site.siteId, journalId, stream)
    if (held !== heads[stream].seq)
      return `${site.siteId} wrote ${heads[stream].seq} rows of ${stream}, the cloud holds ${held}`
  }
  return undefined
}

/** What the runbook of a fenced site says: a journal that was fenced once stays so until an operator decides. */
async function giveAuthority(
  { api, fencedSince }: World,
  { siteId }: Site,
  journalId: string,
): Promise<void> {
  const sinceMs = fencedSince.get(siteId) ?? performance.now()
  fencedSince.set(siteId, sinceMs)
  if (performance.now() - sinceMs < FENCED_MS) return
  await api.post(`/api/v1/sites/${siteId}/lanes/${journalId}/authority`, {})
}

/** Invariant I2 in passing: what a site takes for acknowledged is committed. Undefined too where nobody answers now. */
export async function earlyAcknowledgement({ sql }: World, site: Site): Promise<string | undefined> {
  try {
    const { backlog, heads, journalId } = await panelOf(site)
    for (const stream of STREAMS) {
      const acknowledged = heads[stream].seq - (backlog?.[stream] ?? heads[stream].seq)
      const held = await heldOf(sql, site.siteId, journalId, stream)
      if (acknowledged > held)
        return `${site.siteId} takes ${acknowledged} rows of ${stream} for acknowledged, the cloud holds ${held}`
    }
  } catch {
    // Faults are at work.
  }
  return undefined
}
