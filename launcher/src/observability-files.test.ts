/** What rules and dashboards ask for is told by the programs, and every alert leads to a page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const FOLDER = 'deploy/observability'
const RULES = `${FOLDER}/prometheus/rules.yml`
const dashboards = readdirSync(join(ROOT, FOLDER, 'grafana/dashboards')).map(
  (name) => `${FOLDER}/grafana/dashboards/${name}`,
)
const told = new Set(
  [...read('docs/observability.md').matchAll(/^\| `(switchyard_\w+)`/gm)].map((it) => it[1]!),
)
const recorded = new Set([...read(RULES).matchAll(/- record: (\S+)/g)].map((it) => it[1]!))

test.each([RULES, `${FOLDER}/prometheus/rules.test.yml`, ...dashboards])(
  '%s asks for metrics that there are',
  (path) => {
    const asked = new Set([...read(path).matchAll(/\bswitchyard[_:][\w:]+/g)].map((it) => it[0]))
    const unknown = [...asked].filter(
      (it) => !told.has(it) && !told.has(it.replace(/_(bucket|count|sum)$/, '')) && !recorded.has(it),
    )
    expect(asked.size).toBeGreaterThan(3)
    expect(unknown).toEqual([])
  },
)

test.each(dashboards)('%s is a dashboard', (path) => {
  expect(JSON.parse(read(path))).toMatchObject({ title: expect.any(String), panels: expect.any(Array) })
})

test('every alert has a severity, a runbook that exists, a line in the list of runbooks, and a test', () => {
  const alerts = read(RULES)
    .split(/^ {6}- alert: /m)
    .slice(1)
    .map((text) => ({ name: /^\w+/.exec(text)![0], text: text.split(/^ {2}- name:/m)[0]! }))
  expect(alerts.length).toBeGreaterThan(15)
  const list = read('docs/runbooks/README.md')
  const tests = read(`${FOLDER}/prometheus/rules.test.yml`)
  for (const { name, text } of alerts) {
    expect(text, name).toMatch(/severity: (warning|critical)/)
    const runbook = /runbook: (\S+)/.exec(text)?.[1]
    expect(runbook && existsSync(join(ROOT, runbook)), `${name}: ${runbook}`).toBe(true)
    expect(list, `${name} stands in the list`).toContain(`\`${name}\``)
    expect(tests, `${name} is tested`).toContain(`alertname: ${name}`)
  }
})
