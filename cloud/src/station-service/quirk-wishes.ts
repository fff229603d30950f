/** What operators say of quirks, as it stands in a column: JSON of name -> whether the station has it. */
import type { AssignedQuirks } from '@switchyard/protocol/api/quirks.ts'

/** Null where nothing is said. */
export function quirksText(said: AssignedQuirks | null): string | null {
  return said === null || Object.keys(said).length === 0 ? null : JSON.stringify(said)
}

export function quirksIn(text: string | null | undefined): AssignedQuirks {
  return text === null || text === undefined ? {} : (JSON.parse(text) as AssignedQuirks)
}
