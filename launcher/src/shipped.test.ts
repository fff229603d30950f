/** What the programs ship with is told whole, under licences that allow it, in documents that are what CycloneDX says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { describe, expect, test } from 'vitest'
import { readAdvisories } from '../advisories.mjs'
import { PROJECT } from '../project.mjs'
import { sbomOf } from '../sbom.mjs'
import { licenceProblems, PROGRAMS, shippedPackages } from '../shipped.mjs'

interface Sbom {
  metadata: { component: { name: string } }
  components: { purl: string; licenses?: unknown[]; hashes?: { content: string }[] }[]
}

describe.each(Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[])('%s', (program) => {
  test('ships under permissive licences alone', () => {
    expect(licenceProblems(shippedPackages(program))).toEqual([])
  })

  test('has a CycloneDX document that is valid, names each of its packages with a hash, and is made the same again', async () => {
    const text = sbomOf(program)
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text)).toBeNull()
    const { components, metadata }: Sbom = JSON.parse(text)
    expect(metadata.component.name).toBe(program)
    const { dependencies } = JSON.parse(readFileSync(join(PROJECT, program, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    const purls = components.map((it) => it.purl)
    // An alias (better-sqlite3-13) goes by its package's own name.
    for (const [name, version] of Object.entries(dependencies))
      if (/^\d/.test(version)) expect(purls).toContain(`pkg:npm/${name.replace('@', '%40')}@${version}`)
    expect(components.filter((it) => it.hashes?.[0]?.content.length !== 128)).toEqual([])
    expect(components.filter((it) => !it.licenses?.length)).toEqual([])
    expect(sbomOf(program)).toBe(text)
  })
})

test('a licence that asks for more, or none, is named with its package', () => {
  const of = (license?: unknown) => licenceProblems([{ name: 'a', version: '1.0.0', license }])
  expect(of('MIT')).toEqual([])
  expect(of('(GPL-3.0-only OR MIT)')).toEqual([])
  expect(of('GPL-3.0-only AND MIT')).toEqual(['a@1.0.0: GPL-3.0-only AND MIT is not a permissive licence'])
  expect(of('AGPL-3.0-or-later')).toHaveLength(1)
  expect(of('LGPL-2.1')).toHaveLength(1)
  expect(of()).toEqual(['a@1.0.0: tells no licence'])
  expect(of('SEE LICENSE IN x')).toEqual(['a@1.0.0: "SEE LICENSE IN x" is no licence of SPDX'])
})

test('known holes are named from the level high on, and no audit is not taken for a good one', () => {
  const hole = (module_name: string, severity: string) => ({
    module_name,
    severity,
    vulnerable_versions: '<1.2.3',
    title: 'a hole',
    url: 'https://example.test/1',
  })
  const advisories = { 1: hole('a', 'moderate'), 2: hole('b', 'high'), 3: hole('c', 'critical') }
  expect(readAdvisories(JSON.stringify({ advisories }))).toEqual({
    problems: ['b', 'c'].map((it) => expect.stringContaining(`${it} <1.2.3: `)),
  })
  expect(readAdvisories('{"advisories":{}}')).toEqual({ problems: [] })
  const error = { code: 'ERR_PNPM_AUDIT_BAD_RESPONSE' }
  for (const text of [JSON.stringify({ error }), 'nonsense', ''])
    expect(readAdvisories(text)).toMatchObject({
      problems: [],
      skipped: expect.stringContaining('not audited'),
    })
})
