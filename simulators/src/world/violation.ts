/** A promise of section 9 of docs/architecture.md that was not kept. */
export type Invariant = `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13}` | 'crash'

export interface Violation {
  invariant: Invariant
  /** Which site, session, row; what was expected and what was seen. */
  what: string
  atMs: number
}
