/**
 * Journals of one family: a fork and the journal that it came from may hold the same row, under two journal ids, where a box forked
 * while its twin was still sending what both have. Each row is kept once: under the journal that brought it first. Pure.
 *
 * Every row has one place in its family: counted from the first row of the journal at its root, whatever forks it went through. Two
 * rows of a family are the same where place and id are the same, and, as histories that parted never meet again, from the first
 * place on where they are not, none are.
 */
import type { BatchRow } from './envelope.ts'
import type { Fact } from './fact.ts'

/** One stream of one journal, as it is held. */
export interface Member {
  /** Rows of the root journal before its first one; 0 for the root itself. */
  base: number
  /** Last seq that is held; 0: none. */
  last: number
}

/** Rows of these kinds stand for others and say nothing of whether those are held. */
export const STANDING_FOR_OTHERS = ['stream.gap', 'stream.loss', 'stream.shared'] as const

/**
 * No row that comes after `own.last` can be one that `kin` has. `haveParted`: at the place of `own.last` both hold a row, and these
 * are not the same. Of two that do not know yet, at most one is surely apart: the one that is ahead.
 */
export function areApart(own: Member, kin: Member, haveParted: boolean): boolean {
  return haveParted || kin.base + kin.last < own.base + own.last
}

/** Seqs of `kin` at the places of own rows `from`..`to`, as far as it can hold them; undefined: none. */
export function seqsOfKin(
  own: Member,
  kin: Member,
  from: number,
  to: number,
): { from: number; to: number } | undefined {
  const shift = own.base - kin.base
  const range = { from: Math.max(1, from + shift), to: Math.min(kin.last, to + shift) }
  return range.from <= range.to ? range : undefined
}

/** A journal as it is known, and the one that it forked from. */
interface Descendant {
  journalId: string
  forkedFrom: string | null | undefined
}

/**
 * The journals before a fork, from the root of the family to the one that it forked from; where one in between is not known any
 * more, the root alone, if that is.
 */
export function lineOf<J extends Descendant>(
  known: readonly J[],
  forkedFrom: string | undefined,
  rootId: string,
): J[] {
  const byId = new Map(known.map((it) => [it.journalId, it]))
  const line: J[] = []
  for (let it = byId.get(forkedFrom ?? ''); it; it = byId.get(it.forkedFrom ?? '')) {
    // Each is met once, whatever was told.
    if (line.includes(it)) break
    line.unshift(it)
    if (it.journalId === rootId) return line
  }
  const root = byId.get(rootId)
  return root ? [root] : []
}

/**
 * How many of the rows before a fork are held: `line` are the journals from the root to the one that it forked from, `base` is its own
 * count of rows before. Of each journal only what its successor shares counts; beyond that another box may have written.
 */
export function heldOfLine(line: readonly Member[], base: number): { place: number; by: number } {
  let held = { place: 0, by: 0 }
  for (const [by, member] of line.entries()) {
    if (member.base > held.place) break
    const shared = Math.min(line[by + 1]?.base ?? base, base)
    held = { place: Math.max(held.place, Math.min(member.base + member.last, shared)), by }
    if (held.place < shared) break
  }
  return held
}

/** Where else a row is held. */
export interface HeldAs {
  journalId: string
  seq: number
}
type PlacedRow = BatchRow & { seq: number }

/**
 * In place of rows that are held already come rows that say so, one for each run: they keep the sequence whole, as a gap does.
 * `heldAs` tells of a row whether it is held in the family; `at` is the time of the taking.
 */
export function withoutHeld(
  rows: readonly PlacedRow[],
  heldAs: (row: PlacedRow) => HeldAs | undefined,
  at: string,
): PlacedRow[] {
  const kept: PlacedRow[] = []
  let run: { from: number; to: PlacedRow; as: HeldAs } | undefined
  const endRun = (): void => {
    if (run) kept.push(sharedRow(run.from, run.to, run.as, at))
    run = undefined
  }
  for (const row of rows) {
    const as = row.covers === undefined ? heldAs(row) : undefined
    if (as && run?.as.journalId === as.journalId) run = { from: run.from, to: row, as }
    else {
      endRun()
      if (as) run = { from: row.seq, to: row, as }
      else kept.push(row)
    }
  }
  endRun()
  return kept
}

function sharedRow(
  from: number,
  { seq, id }: PlacedRow,
  { journalId, seq: theirs }: HeldAs,
  at: string,
): PlacedRow {
  const fact: Fact = {
    kind: 'stream.shared',
    at,
    monoMs: 0,
    bootId: '',
    clock: 'synced',
    data: { from, to: seq, journalId, theirs },
  }
  return { seq, id, fact: JSON.stringify(fact), covers: seq - from + 1 }
}
