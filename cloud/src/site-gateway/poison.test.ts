/** A row that cannot be read, from the site's batch to the tables, by way of what is set aside. */

import { hostileText } from '@switchyard/protocol/site/testing/hostile.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { testHeaders } from '../platform/testing.ts'
import { factText, startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

let gateway: TestGateway
let site: TestSite
beforeEach(async () => {
  gateway = await startTestGateway()
  site = await TestSite.connect(gateway, await gateway.credential('odd'))
  await site.hello('n')
})
afterEach(async () => {
  await site.end()
  await gateway.close()
})

// biome-ignore lint/suspicious/noExplicitAny: any resource of the API
const ask = async (method: string, path: string, body?: object): Promise<{ status: number; body: any }> => {
  const response = await fetch(`${gateway.target.url}${path}`, {
    method,
    headers: { ...testHeaders(), 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: response.status, body: await response.json() }
}
const alerts = async () =>
  (
    await gateway.sql<{ kind: string }[]>`
      select kind from log.entry where site_id = 'odd' and kind like 'alert.%' order by position`
  ).map((it) => it.kind)

it('is acknowledged, told, listed with its text, and taken once it can be read; the alert goes with the last one', async () => {
  const wrong = factText('document.applied', { name: 'tokens', generation: 'g', n: 'seven' })
  expect(
    await site.batch(1, [
      wrong,
      '{"no fact',
      factText('document.applied', { name: 'site', generation: 'g', n: 1 }),
    ]),
  ).toMatchObject({ upTo: 3 })
  await until('the alert', async () => ((await alerts()).length > 0 ? true : undefined))
  const { body } = await ask('GET', '/v1/poison?siteId=odd&limit=1')
  expect(body.items).toMatchObject([
    { siteId: 'odd', journalId: 'journal-odd', stream: 'ledger', seq: 1, text: wrong, textComplete: true },
  ])
  expect(body.items[0].reason).toContain('document.applied')
  const next = (await ask('GET', `/v1/poison?siteId=odd&limit=1&cursor=${body.next}`)).body
  expect(next.items).toMatchObject([{ seq: 2, text: '{"no fact' }])
  expect(next.next).toBeNull()
  expect((await ask('GET', '/v1/poison?siteId=another')).body.items).toEqual([])
  expect((await ask('GET', '/v1/poison?cursor=WyJ4IiwieSJd')).status).toBe(422)

  // Nothing was mended: all of it stays.
  expect((await ask('POST', '/v1/poison/replay', { siteId: 'odd' })).body).toEqual({ released: 0, left: 2 })
  // As a reader that was mended would see the first row.
  const right = factText('document.applied', { name: 'tokens', generation: 'g', n: 7 })
  await gateway.sql`update log.entry set body = ${Buffer.from(right)} where site_id = 'odd' and seq = 1`
  expect((await ask('POST', '/v1/poison/replay', { siteId: 'odd' })).body).toEqual({ released: 1, left: 1 })
  await until('the row is taken', async () => {
    // Consumers look for such rows when they poll.
    gateway.clock.advance(1_000)
    const [row] = await gateway.sql`
      select 1 from site_gateway.site_document where site_id = 'odd' and name = 'tokens' and held_n = 7`
    return row && true
  })
  expect(await alerts()).not.toContain('alert.cleared')
  const later = factText('of.a.newer.version', { x: 1 })
  await gateway.sql`update log.entry set body = ${Buffer.from(later)} where site_id = 'odd' and seq = 2`
  expect((await ask('POST', '/v1/poison/replay', {})).body).toEqual({ released: 1, left: 0 })
  await until('the alert is over', async () =>
    (await alerts()).includes('alert.cleared') ? true : undefined,
  )
})

it('whatever the text of a row is, it is taken, kept byte for byte where UTF-8 can, and the next one too', {
  timeout: 60_000,
}, async () => {
  let seq = 1
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          hostileText,
          hostileText.map((it) => factText(it, { it }, { stationId: it, sessionId: it })),
        ),
        { minLength: 1, maxLength: 20 },
      ),
      async (texts) => {
        const to = seq + texts.length - 1
        expect(await site.batch(seq, texts)).toMatchObject({ upTo: to })
        const rows = await gateway.sql<{ body: Buffer }[]>`
        select body from log.entry where site_id = 'odd' and seq between ${seq} and ${to} order by seq`
        rows.forEach((row, i) => {
          if (Buffer.from(texts[i]!).toString() === texts[i]) expect(row.body.toString()).toBe(texts[i])
        })
        expect(rows).toHaveLength(texts.length)
        seq = to + 1
      },
    ),
    { numRuns: 25 },
  )
})
