/** Judges batches of one log partition by what is held, and appends what is new of all of them in one statement. */
import { instant } from '@switchyard/protocol/instant.ts'
import type { Clock } from '../platform/clock.ts'
import type { EventLog, LaneAppend } from '../platform/event-log/event-log.ts'
import { judge, type Taken, type Verdict } from './judge.ts'
import { type ReadItem, standingsOf } from './standing.ts'
import { isApartFromKin, takeBesideKin } from './take-kin.ts'

/** Another gateway may have appended between our look and our append, or the conversation ended; then we look again. */
const MAX_LOOKS = 3

/** Verdicts in the order of the items, which are of different lanes. Everything taken is committed when it resolves. */
export async function takeGroup(
  { eventLog, clock }: { eventLog: EventLog; clock: Clock },
  partition: number,
  items: readonly ReadItem[],
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  let open = items.map((item, index) => ({ item, index }))
  for (let look = 1; open.length > 0; look++) {
    const standings = await standingsOf(
      eventLog.sql,
      open.map((it) => it.item),
    )
    const appends: LaneAppend[] = []
    const appending: typeof open = []
    const taken: Taken[] = []
    for (const [i, it] of open.entries()) {
      if (!(await isApartFromKin(eventLog, it.item, standings[i]))) {
        verdicts[it.index] = await takeBesideKin(eventLog, partition, it.item, instant(clock.now()))
        continue
      }
      const verdict = await judge(eventLog.sql, it.item, standings[i])
      if ('append' in verdict) {
        appends.push(verdict.append)
        appending.push(it)
        taken.push(verdict.taken)
      } else verdicts[it.index] = verdict
    }
    const results = await eventLog.append(partition, appends)
    open = []
    for (const [i, result] of results.entries()) {
      const it = appending[i] as (typeof appending)[number]
      const verdict = taken[i] as (typeof taken)[number]
      if (result.appended) verdicts[it.index] = { ...verdict, unreadable: result.unreadable }
      else if (look < MAX_LOOKS) open.push(it)
      else
        verdicts[it.index] = {
          kind: 'refused',
          refusal: 'busy',
          reason: 'another gateway takes rows of this lane',
          epoch: verdict.epoch,
          nonce: verdict.nonce,
          upTo: 0,
          rowId: '',
        }
    }
  }
  return verdicts
}
