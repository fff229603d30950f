/**
 * What becomes of lanes beside the one in authority without anybody saying hello: a new journal is asked again once the old one
 * has fallen silent, and where a fork and the journal it came from are both heard, two boxes run.
 */
import { instant } from '@switchyard/protocol/instant.ts'
import { LATE_PICTURE_MS, PRESENCE_EXPIRY_MS } from '@switchyard/protocol/site/grant.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { Send } from './down.ts'
import { recallLanes } from './recall.ts'

const LOOK_MS = 5_000
/** A lane that does not answer is asked again after this, and not at all once its last hello is this old. */
const ASK_AGAIN_MS = 30_000
const ASKED_WITHIN_MS = 24 * 3_600_000
/** Most lanes of one look; the next takes the rest. */
const MAX_PER_LOOK = 100

export interface Rivals {
  look(): Promise<void>
  start(): Loop
}

export function createRivals(context: ServiceContext, send: Send): Rivals {
  const { sql, eventLog, clock, log } = context

  /** The lane in authority is silent, and was not heard since these appeared: their hello will be granted (see grant.ts). */
  async function askSuccessors(): Promise<void> {
    const nowMs = clock.now()
    const due = await sql<{ site_id: string; journal_id: string; epoch: number; nonce: string }[]>`
      update site_gateway.lane l set asked_at = ${new Date(nowMs)}
       where (l.site_id, l.journal_id) in (
         select n.site_id, n.journal_id from site_gateway.lane n
           join site_gateway.site s on s.site_id = n.site_id and s.journal_id <> n.journal_id
          where n.fenced and n.hello_at > ${new Date(nowMs - ASKED_WITHIN_MS)}
            and (n.asked_at is null or n.asked_at <= ${new Date(nowMs - ASK_AGAIN_MS)})
            and (s.last_heard_at is null
                 or (s.last_heard_at < ${new Date(nowMs - PRESENCE_EXPIRY_MS)}
                     and s.last_heard_at <= n.first_hello_at + ${LATE_PICTURE_MS} * interval '1 ms'))
          limit ${MAX_PER_LOOK} for update of n skip locked)
      returning l.site_id, l.journal_id, l.epoch, l.nonce`
    recallLanes(send, due, 'the journal in authority is silent')
  }

  async function tellClones(): Promise<void> {
    const told = await sql.begin(async (tx) => {
      const rows = await tx<
        { site_id: string; journal_id: string; tenant_id: string; forked_from: string }[]
      >`
        update site_gateway.lane l set clone_told = true from site_gateway.site s
         where s.site_id = l.site_id and (l.site_id, l.journal_id) in (
           select n.site_id, n.journal_id from site_gateway.lane n
             join site_gateway.site a on a.site_id = n.site_id and a.journal_id = n.forked_from
            where n.fenced and not n.clone_told
              and a.last_heard_at > n.first_hello_at + ${LATE_PICTURE_MS} * interval '1 ms'
            limit ${MAX_PER_LOOK} for update of n skip locked)
        returning l.site_id, l.journal_id, s.tenant_id, l.forked_from`
      for (const it of rows)
        await eventLog.publish(tx, {
          tenantId: it.tenant_id,
          siteId: it.site_id,
          kind: 'site.clone-suspected',
          at: instant(clock.now()),
          data: { journalId: it.forked_from, forkJournalId: it.journal_id },
        })
      return rows.length
    })
    if (told > 0) eventLog.wake()
  }

  async function look(): Promise<void> {
    await askSuccessors()
    await tellClones()
  }

  return {
    look,
    start: () =>
      createLoop({
        clock,
        log,
        name: 'rivals',
        pollMs: LOOK_MS,
        work: async () => {
          await look()
          return false
        },
      }),
  }
}
