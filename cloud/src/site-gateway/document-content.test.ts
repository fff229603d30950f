/** Documents of which the content lies with another service: what each site is sent of them. */
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startTestGateway, type TestGateway, TestSite, until } from './testing.ts'

let gateway: TestGateway
const sites: TestSite[] = []
beforeEach(async () => {
  gateway = await startTestGateway()
})
afterEach(async () => {
  await Promise.all(sites.splice(0).map((it) => it.end()))
  await gateway.close()
})

async function site(siteId: string): Promise<TestSite> {
  await tell(siteId, { kind: 'site.registered', at: AT, data: { name: siteId, timeZone: 'UTC' } })
  const connected = await TestSite.connect(gateway, await gateway.credential(siteId))
  sites.push(connected)
  return connected
}
const AT = '2026-11-23T12:00:00.000Z'
type Fact = Parameters<TestGateway['target']['context']['eventLog']['publish']>[1]
async function tell(siteId: string | null, fact: Omit<Fact, 'tenantId' | 'siteId'>): Promise<void> {
  const { eventLog } = gateway.target.context
  await gateway.sql.begin((tx) => eventLog.publish(tx, { tenantId: 'default', siteId, ...fact } as Fact))
  eventLog.wake()
}
/** The owner publishes version n; what a site needs of it is `chunks`, a change of `base` where that was asked for. */
async function announce(n: number, chunks: string[], change = true): Promise<void> {
  const { generation } = gateway.target.context.eventLog
  gateway.contents.tokens = (query) => ({
    version: { generation, n },
    digest: `digest-${n}`,
    base: change && query.has('base') ? Number(query.get('base')) : null,
    chunks,
  })
  await tell(null, {
    kind: 'document.announced',
    at: AT,
    data: {
      name: 'tokens',
      version: { generation, n },
      digest: `digest-${n}`,
      form: 1,
      owner: 'driver-service',
    },
  } as never)
}
const forms = { forms: { tokens: 1 } }
const version = (n: number) => ({ generation: gateway.target.context.eventLog.generation, n })
const documentOf = (to: TestSite, n: number, index = 0) =>
  to.next(
    'document',
    (it) => (it.version as { n: number }).n === n && (it.chunk as { index: number }).index === index,
  )
const textOf = (message: Record<string, unknown>) =>
  gunzipSync(Buffer.from(message.body as string, 'base64')).toString()

describe('a document that is announced', () => {
  it('goes to a site as what has changed since the version that it holds, asked for once for all', async () => {
    const [a, b] = [await site('a'), await site('b')]
    for (const it of [a, b]) await it.hello('n', { ...forms, documents: { tokens: version(4) } })
    await announce(5, ['{"buckets":[[7,""]]}'])
    for (const it of [a, b]) {
      const message = await documentOf(it, 5)
      expect(message).toMatchObject({ form: 1, base: version(4), sha256: 'digest-5', chunk: { of: 1 } })
      expect(textOf(message)).toBe('{"buckets":[[7,""]]}')
    }
    expect(gateway.asked).toEqual([{ form: '1', base: '4' }])
  })

  it('goes whole to a site that has none, and in one text to one that knows no other form', async () => {
    const [fresh, old] = [await site('fresh'), await site('old')]
    await fresh.hello('n', forms)
    await old.hello('n', { documents: { tokens: version(4) } })
    await announce(5, ['{"tokens":', '[]}'], false)
    expect(await documentOf(fresh, 5)).toMatchObject({ form: 1, chunk: { index: 0, of: 2 } })
    const text = await documentOf(old, 5)
    expect(text).toMatchObject({ chunk: { index: 0, of: 1 }, body: '{"tokens":[]}' })
    expect(text).not.toHaveProperty('form')
    expect(text).not.toHaveProperty('base')
  })

  it('waits while a whole is under way, and follows when that has arrived', async () => {
    const it1 = await site('slow')
    await it1.hello('n', forms)
    await announce(1, ['{"buckets":[]}', '{"buckets":[]}'])
    await documentOf(it1, 1, 1)
    await announce(2, ['{"buckets":[[1,""]]}'])
    await until('version 2 is known', async () => {
      const [row] = await gateway.sql<
        { n: number }[]
      >`select n from site_gateway.document where name = 'tokens'`
      return row?.n === 2 ? true : undefined
    })
    const fact = {
      kind: 'document.applied',
      monoMs: 1,
      bootId: 'b',
      clock: 'synced',
      at: AT,
      data: { name: 'tokens', ...version(1) },
    }
    await it1.batch(1, [JSON.stringify(fact)])
    expect(await documentOf(it1, 2)).toMatchObject({ base: version(1) })
    const order = it1.received
      .filter((it) => it.channel === 'document')
      .map((it) => (it.message.version as { n: number }).n)
    expect(order).toEqual([1, 1, 2])
  })

  it('is asked for again when its owner was away', async () => {
    const it1 = await site('patient')
    await it1.hello('n', forms)
    await announce(1, ['{"buckets":[]}'])
    const answer = gateway.contents.tokens
    gateway.contents.tokens = () => ({ nothing: true })
    await it1.hello('n2', forms)
    gateway.contents.tokens = answer!
    await it1.hello('n3', forms)
    await it1.next('document', (it) => it.nonce === 'n3')
  })
})
