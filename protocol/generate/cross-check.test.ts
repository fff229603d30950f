import { describe, expect, it } from 'vitest'
import { OCPP_VERSIONS, type OcppVersion } from '../src/ocpp/version.ts'
import { CHECK_SOURCE, compareSchemas, KNOWN_DIFFERENCES, PRIMARY_SOURCE } from './cross-check.ts'
import { readSchemas, type SchemaSet } from './schemas.ts'

/** Actions, and among them those that are never answered: 2.1's SEND has one message. */
const COUNTS: Record<OcppVersion, { actions: number; unanswered: string[] }> = {
  '1.6': { actions: 39, unanswered: [] },
  '2.0.1': { actions: 64, unanswered: [] },
  '2.1': { actions: 91, unanswered: ['NotifyPeriodicEventStream'] },
}

const unanswered = (set: SchemaSet) =>
  [...set.messages].filter(([, { response }]) => !response).map(([name]) => name)

describe.each(OCPP_VERSIONS)('the two sources of OCPP %s', (version) => {
  it('hold every message of the standard', async () => {
    for (const source of [PRIMARY_SOURCE, CHECK_SOURCE] as const) {
      const set = await readSchemas(source, version)
      expect(set.messages.size, source).toBe(COUNTS[version].actions)
      expect(unanswered(set), source).toEqual(COUNTS[version].unanswered)
    }
  })

  it('agree but for the differences that are known and decided', async () => {
    const found = compareSchemas(
      await readSchemas(PRIMARY_SOURCE, version),
      await readSchemas(CHECK_SOURCE, version),
    )
    const known = KNOWN_DIFFERENCES.filter((difference) => difference.version === version)
    const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1)
    expect(found.sort(byPath)).toEqual(
      known.map(({ path, primary, check }) => ({ path, primary, check })).sort(byPath),
    )
  })
})
