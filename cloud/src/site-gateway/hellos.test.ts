import { afterEach, beforeEach, expect, it } from 'vitest'
import { testHeaders } from '../platform/testing.ts'
import { startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

let gateway: TestGateway
let site: TestSite
beforeEach(async () => {
  gateway = await startTestGateway()
  site = await TestSite.connect(gateway, await gateway.credential('site-1'))
})
afterEach(async () => {
  await site.end()
  await gateway.close()
})

it('hellos that are said again while the first one waits are answered together; another one by itself', async () => {
  await site.hello('before')
  const welcomes: Promise<unknown>[] = []
  await gateway.sql.begin(async (tx) => {
    await tx`select 1 from site_gateway.site where site_id = 'site-1' for update`
    for (let again = 0; again < 4; again++) welcomes.push(site.hello('first'))
    welcomes.push(site.hello('second'))
    await until('a hello waits for the site', async () => {
      const waiting = await gateway.sql`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return waiting.length === 1
    })
    // Messages come to the gateway in their order: with the answer to this one it has them all.
    await site.publish('ledger', 'no batch')
    await site.next('ack', (it) => it.refused === 'unreadable')
  })
  await Promise.all(welcomes)
  await site.hello('third')
  const answered = site.received.filter((it) => it.channel === 'welcome').map((it) => it.message.nonce)
  expect(answered).toEqual(['before', 'first', 'second', 'third'])
})

it('the first word of a direct site that was made a moment ago is held until the site is known', async () => {
  const say = async (channel: string) => {
    const path = `${gateway.target.url}/v1/up/shop/${channel}`
    return (await fetch(path, { method: 'POST', headers: testHeaders(), body: '{}' })).status
  }
  let answered: number | undefined
  const hello = say('hello').then((status) => {
    answered = status
  })
  expect(await say('ledger')).toBe(404)
  await gateway.sql`insert into site_gateway.site (site_id, tenant_id, direct) values ('shop', 'default', true)`
  await expect
    .poll(() => {
      gateway.clock.advance(10)
      return answered
    })
    .toBe(204)
  await hello
  expect(await say('ledger')).toBe(204)
})
