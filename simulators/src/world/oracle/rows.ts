/** I1 and I3 at the end: what lies on the cards of the sites lies in the cloud, once. */

import { isLostId } from '@switchyard/protocol/site/fork.ts'
import type { Store } from '../cloud/store.ts'
import { openOnCard } from '../disk/database.ts'
import type { Sqlite } from '../disk/vfs.ts'
import type { Box } from '../site/box.ts'
import type { Stage } from '../stage.ts'

interface Row {
  seq: number
  id: string
}

/**
 * Reads the card as it lies there, past the controller; the box must be off. One that has lost a page since its controller read it
 * last may not be readable, and then says nothing.
 */
export function checkRows(stage: Stage, sqlite: Sqlite, store: Store, box: Box, isDamaged: boolean): void {
  const { card, name } = box
  card.insert()
  sqlite.insert(card)
  const db = openOnCard(sqlite, `${card.id}/journal.db`)
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    for (const stream of ['ledger', 'telemetry'] as const) {
      const rows = db.prepare(`SELECT seq, id FROM row_${stream} ORDER BY seq`).all() as Row[]
      for (const [i, row] of rows.entries()) {
        const before = rows[i - 1]
        if (before && row.seq <= before.seq)
          stage.broken('I3', `${name} ${stream}: ${row.seq} follows ${before.seq}`)
        const there = store.rowById(row.id)
        if (there && there.siteId !== box.siteId)
          stage.broken(
            'I10',
            `${name}: ${stream} row ${row.seq} (${row.id}) came to the cloud as ${there.siteId}'s`,
          )
        // One that a damaged journal lost is told only where the cloud had not taken it before: sequences there are whole (I3).
        if (stream === 'ledger' && !there && !isLostId(row.id))
          stage.broken('I1', `${name}: ledger row ${row.seq} (${row.id}) never came to the cloud`)
      }
    }
  } catch (error) {
    if (!isDamaged) throw error
    stage.tell(name, `has a card that cannot be read: ${(error as Error).message}`)
  } finally {
    db.close()
    sqlite.remove(card)
  }
}
