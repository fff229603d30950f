/** A hello, in the database: who has authority, presence and the facts that tell of them, in one transaction. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { Hello } from '@switchyard/protocol/site/envelope.ts'
import { type Reception, receive } from '@switchyard/protocol/site/greeting.ts'
import type { TransactionSql } from 'postgres'
import type { ServiceContext } from '../platform/service.ts'
import type { Conversation } from './conversation.ts'
import { heldByHello } from './documents-at-site.ts'
import { heldOf, type KnownLane, keepLane, type LockedSite, lanesOf, lockSite, tieKin } from './lanes.ts'

export interface Greeted extends Pick<Reception, 'forked' | 'recall' | 'holdMs'> {
  conversation: Conversation
  /** Who has authority, or with which boot, is another one now. */
  changed: boolean
  /** Others may hold rows of this journal. */
  hasKin: boolean
}

/** Undefined when the site is not registered here. */
export async function greet(
  { sql, eventLog, clock, random }: ServiceContext,
  siteId: string,
  hello: Hello,
): Promise<Greeted | undefined> {
  const greeted = (await sql.begin(async (tx) => {
    const site = await lockSite(tx, siteId)
    if (!site) return undefined
    const { journalId, bootId, nonce } = hello
    const lanes = await lanesOf(tx, siteId, [journalId, site.journalId])
    const lane = lanes.get(journalId)
    const inAuthority = site.journalId === null ? undefined : lanes.get(site.journalId)
    const held = await heldOf(tx, siteId, journalId)
    const now = clock.now()
    const known = { site, lane, inAuthority, leased: site.direct }
    const taken = receive(known, held, hello, now, random.uuid())
    await keep(tx, siteId, hello, taken, now, eventLog.generation)
    const kin = taken.lane ? await tieKin(tx, siteId, hello) : []
    // Whoever judged a batch before this is committed judges it again.
    const rejudged = [journalId, ...(taken.granted?.fences ? [taken.granted.fences] : []), ...kin]
    await eventLog.judgeAnew(tx, siteId, [...new Set(rejudged)])
    for (const fact of factsOf(site, lane, hello, taken, eventLog.generation))
      await eventLog.publish(tx, { tenantId: site.tenantId, siteId, at: instant(now), ...fact })
    const authority = taken.granted?.authority ?? false
    return {
      conversation: {
        siteId,
        tenantId: site.tenantId,
        journalId,
        epoch: taken.epoch,
        nonce,
        bootId,
        authority,
      },
      forked: taken.forked,
      recall: taken.recall,
      holdMs: taken.holdMs,
      hasKin: kin.length > 0,
      changed: taken.came !== undefined || (authority && lane?.bootId !== bootId),
    }
  })) as Greeted | undefined
  eventLog.wake()
  return greeted
}

function factsOf(
  site: LockedSite,
  lane: KnownLane | undefined,
  { journalId, forkedFrom, controller }: Hello,
  { granted, came }: Reception,
  generation: string,
) {
  const facts = []
  // A restored cloud has others to tell who may not know it.
  if (granted?.authority && (!site.online || site.generation !== generation))
    facts.push({
      kind: 'site.online' as const,
      data: { journalId, epoch: granted.epoch, version: controller.version },
    })
  if (granted && came && came !== 'first')
    facts.push({
      kind: 'site.authority-given' as const,
      data: { journalId, fromJournalId: site.journalId, epoch: granted.epoch, cause: came, by: null },
    })
  if (granted && !granted.authority && site.journalId !== null && !lane?.fenceTold)
    facts.push({
      kind: 'site.lane-fenced' as const,
      data: {
        journalId,
        reason: granted.fencedBecause ?? `journal ${site.journalId} has authority`,
        authorityJournalId: site.journalId,
        ...(forkedFrom === undefined ? {} : { forkedFrom }),
      },
    })
  return facts
}

async function keep(
  tx: TransactionSql,
  siteId: string,
  hello: Hello,
  { lane, granted }: Reception,
  nowMs: number,
  generation: string,
): Promise<void> {
  const now = new Date(nowMs)
  if (lane) {
    await keepLane(tx, siteId, hello, lane)
  }
  if (!granted) return
  if (granted.fences)
    await tx`
      update site_gateway.lane set fenced = true, fence_told = false
       where site_id = ${siteId} and journal_id = ${granted.fences}`
  await tx`update site_gateway.site set journal_id = ${granted.site.journalId}, epoch = ${granted.site.epoch}
    where site_id = ${siteId}`
  if (!granted.authority) return
  await tx`update site_gateway.site set last_heard_at = ${now}, online = true, generation = ${generation}
    where site_id = ${siteId}`
  await heldByHello(tx, siteId, hello)
}
