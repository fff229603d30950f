/** An operator decides which journal speaks for a site. */
import { instant } from '@switchyard/protocol/instant.ts'
import { give } from '@switchyard/protocol/site/grant.ts'
import { BUS } from '../platform/bus.ts'
import { notFound } from '../platform/http/problem.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Send } from './down.ts'
import { type KnownLane, lanesOf, lockSite } from './lanes.ts'
import { sendRecall } from './recall.ts'

export interface Decision {
  tenantId: string
  siteId: string
  journalId: string
  /** Who decides. */
  by: string
  trace?: string | undefined
}

/**
 * Gives authority at once: both lanes are asked for a new hello in the conversations that they are in. Decided again, it says
 * the same and changes nothing. Throws notFound.
 */
export async function giveAuthority(context: ServiceContext, send: Send, decision: Decision): Promise<void> {
  const { sql, eventLog, clock, bus, log } = context
  const { tenantId, siteId, journalId, by, trace } = decision
  const recalled = await sql.begin(async (tx) => {
    const site = await lockSite(tx, siteId)
    if (site?.tenantId !== tenantId) throw notFound(`site ${siteId} is not known here`)
    const lanes = await lanesOf(tx, siteId, [journalId, site.journalId])
    const lane = lanes.get(journalId)
    if (!lane) throw notFound(`site ${siteId} has no journal ${journalId}`)
    const given = give(site, journalId, lane)
    // What the operator has seen needs no telling: it is settled for every lane that there is.
    await tx`update site_gateway.lane set fenced = journal_id <> ${journalId}, fence_told = true, clone_told = true
      where site_id = ${siteId}`
    await tx`update site_gateway.lane set epoch = ${given.epoch} where site_id = ${siteId} and journal_id = ${journalId}`
    await tx`update site_gateway.site set journal_id = ${journalId}, epoch = ${given.site.epoch} where site_id = ${siteId}`
    await eventLog.judgeAnew(tx, siteId, [...lanes.keys()])
    await eventLog.publish(tx, {
      tenantId,
      siteId,
      kind: 'site.authority-given',
      at: instant(clock.now()),
      ...(trace === undefined ? {} : { trace }),
      data: { journalId, fromJournalId: site.journalId, epoch: given.epoch, cause: 'operator', by },
    })
    return site.journalId === journalId ? [] : [...lanes.values()]
  })
  eventLog.wake()
  bus.publish(BUS.authority, { siteId })
  log.warn({ siteId, journalId, by }, 'an operator gave authority to a journal')
  // In the conversations of before: the one that has authority now is not known by its new epoch yet.
  for (const lane of recalled as KnownLane[])
    sendRecall(send, { siteId, ...lane }, `journal ${journalId} was given authority`)
}
