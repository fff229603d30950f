/** The tokens document under faults: a cloud that changes it, chunks that are lost, doubled and late, reconnects and crashes. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Json } from '@switchyard/protocol/json.ts'
import { bucketOf, bucketsOf, digestOfBuckets, type Token } from '@switchyard/protocol/site/buckets.ts'
import type { DocumentMessage } from '@switchyard/protocol/site/envelope.ts'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { InlineJournal } from '../journal/testing/inline-journal.ts'
import type { Clock, Log } from '../ports.ts'
import { systemRandom } from '../random.ts'
import { authorizeLocally } from '../session/authorize.ts'
import { SiteState } from '../site-state.ts'
import { bucketsVersion } from '../tokens.ts'
import { Documents } from './documents.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = {
  now: () => 1_800_000_000_000,
  mono: () => 0,
  quality: () => 'synced',
  after: () => () => {},
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The cloud: every version that it has published, and the messages that say them. */
class Cloud {
  readonly versions: Map<string, Token>[] = [new Map()]

  publish(changes: Record<string, Token['status'] | null>): void {
    const next = new Map(this.versions.at(-1))
    for (const [idToken, status] of Object.entries(changes)) {
      if (status === null) next.delete(idToken)
      else next.set(idToken, { idToken, type: 'ISO14443', status })
    }
    this.versions.push(next)
  }

  get n(): number {
    return this.versions.length - 1
  }

  /** Messages of the newest version for a site that holds `base`, each with at most `perChunk` buckets. */
  messages(base: number | undefined, perChunk = 3): DocumentMessage[] {
    const now = bucketsOf(this.versions[this.n]!.values())
    const before = base === undefined ? undefined : bucketsOf(this.versions[base]!.values())
    const buckets = new Set([...now.keys(), ...(before?.keys() ?? [])])
    const changed = [...buckets].filter((it) => now.get(it) !== before?.get(it))
    const pieces: [number, string][][] = []
    for (let i = 0; i < changed.length; i += perChunk)
      pieces.push(changed.slice(i, i + perChunk).map((it) => [it, now.get(it) ?? '']))
    if (pieces.length === 0) pieces.push([])
    const digests = new Map([...now].map(([bucket, text]) => [bucket, sha256(text)]))
    return pieces.map((piece, index) => ({
      v: 1,
      journalId: 'J1',
      epoch: 1,
      nonce: 'n',
      name: 'tokens',
      version: { generation: 'g', n: this.n },
      sha256: digestOfBuckets(digests, sha256),
      chunk: { index, of: pieces.length },
      body: gzipSync(JSON.stringify({ buckets: piece })).toString('base64'),
      form: 1,
      ...(base === undefined ? {} : { base: { generation: 'g', n: base } }),
    }))
  }
}

class Site {
  readonly journal: InlineJournal
  readonly state: SiteState
  readonly documents: Documents
  disagreed: string[] = []
  private constructor(journal: InlineJournal, state: SiteState, documents: Documents) {
    this.journal = journal
    this.state = state
    this.documents = documents
  }

  static async start(file: string): Promise<Site> {
    const journal = new InlineJournal(file, 'J1')
    const state = new SiteState(journal, await journal.load(), clock, systemRandom)
    const disagreed: string[] = []
    const disagree = (reason: string) => void disagreed.push(reason)
    const site = new Site(journal, state, new Documents({ siteId: 's', state, log: silent, disagree }))
    site.disagreed = disagreed
    return site
  }

  get n(): number {
    return bucketsVersion(this.state)?.n ?? 0
  }

  status(idToken: string): string | undefined {
    return authorizeLocally(this.state, { value: idToken, type: 'Central' }, clock.now())?.status
  }

  async facts(): Promise<string[]> {
    const { rows } = await this.journal.readAfter('ledger', 0, 1_000, 1_000_000)
    return rows.map((it) => JSON.parse(it.fact).kind)
  }

  /** As a site whose power was cut: what was not committed is gone. */
  async crash(file: string): Promise<Site> {
    await this.journal.close()
    return Site.start(file)
  }
}

let folder: string
let file: string
let n = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-buckets-'))
  file = join(folder, 'journal.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a change of the tokens', () => {
  it('is taken on its version or a newer one, and moves no other bucket', async () => {
    const cloud = new Cloud()
    const site = await Site.start(file)
    cloud.publish({ A: 'Accepted', B: 'Accepted', C: 'Blocked' })
    for (const it of cloud.messages(undefined, 1)) await site.documents.take(it)
    expect([site.n, site.status('a'), site.status('c')]).toEqual([1, 'Accepted', 'Blocked'])
    const untouched = site.state.get('tokens', String(bucketOf('B')))
    cloud.publish({ A: 'Blocked', C: null })
    const toTwo = cloud.messages(1)
    cloud.publish({ D: 'Accepted' })
    const toThree = cloud.messages(1)
    for (const it of toTwo) await site.documents.take(it)
    // Built on version 1, and version 2 is here: what has changed since 1 covers what has changed since 2.
    for (const it of toThree) await site.documents.take(it)
    expect(site.n).toBe(3)
    expect(['A', 'B', 'C', 'D'].map((it) => site.status(it))).toEqual([
      'Blocked',
      'Accepted',
      undefined,
      'Accepted',
    ])
    expect(site.state.get('tokens', String(bucketOf('B')))).toBe(untouched)
    expect(site.disagreed).toEqual([])
    expect((await site.facts()).filter((it) => it === 'document.applied')).toHaveLength(3)
  })

  it('that builds on what is not here is not taken: the hello tells what is', async () => {
    const cloud = new Cloud()
    const site = await Site.start(file)
    cloud.publish({ A: 'Accepted' })
    cloud.publish({ B: 'Accepted' })
    for (const it of cloud.messages(1)) await site.documents.take(it)
    expect(site.n).toBe(0)
    expect(site.disagreed).toHaveLength(1)
    expect(site.documents.held()).toEqual({ documents: {}, forms: { tokens: 1 } })
  })

  it('on tokens that are not those of the cloud is never taken unseen: the whole is asked for', async () => {
    const cloud = new Cloud()
    const site = await Site.start(file)
    cloud.publish({ A: 'Accepted', B: 'Accepted' })
    for (const it of cloud.messages(undefined)) await site.documents.take(it)
    // As a damaged entity, or a fault of ours, would leave it.
    const value = JSON.stringify([{ idToken: 'A', type: 'ISO14443', status: 'Blocked' }])
    await site.state.commit({
      facts: [],
      puts: [{ kind: 'tokens', id: String(bucketOf('A')), value }],
      deletes: [],
    })
    cloud.publish({ C: 'Accepted' })
    for (const it of cloud.messages(1)) await site.documents.take(it)
    expect([site.n, site.disagreed.length]).toEqual([1, 1])
    expect(site.documents.held().documents).toEqual({})
    for (const it of cloud.messages(undefined)) await site.documents.take(it)
    expect([site.n, site.status('A'), site.status('C')]).toEqual([2, 'Accepted', 'Accepted'])
    expect(site.documents.held().documents).toEqual({ tokens: { generation: 'g', n: 2 } })
  })

  it('whose whole is not what its digest says is rejected with a reason, and what is here stays', async () => {
    const cloud = new Cloud()
    const site = await Site.start(file)
    cloud.publish({ A: 'Accepted' })
    for (const it of cloud.messages(undefined)) await site.documents.take(it)
    cloud.publish({ A: 'Blocked' })
    const lie = cloud.messages(undefined).map((it) => ({ ...it, sha256: 'f'.repeat(64) }))
    for (const it of lie) await site.documents.take(it)
    expect(await site.facts()).not.toContain('document.rejected')
    for (const it of lie) await site.documents.take(it)
    expect([site.n, site.status('A')]).toEqual([1, 'Accepted'])
    expect(await site.facts()).toContain('document.rejected')
  })

  it.each([
    ['what is no base64 of gzip', 'x'],
    ['a bomb', gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('base64')],
    ['no JSON', gzipSync('{').toString('base64')],
    ['a bucket that there is not', gzipSync('{"buckets":[[8192,"[]"]]}').toString('base64')],
    [
      'a token in a foreign bucket',
      gzipSync(
        JSON.stringify({
          buckets: [[(bucketOf('A') + 1) % 8192, '[{"idToken":"A","type":"x","status":"Accepted"}]']],
        }),
      ).toString('base64'),
    ],
    [
      'a status that there is not',
      gzipSync(
        JSON.stringify({ buckets: [[bucketOf('A'), '[{"idToken":"A","type":"x","status":"Fine"}]']] }),
      ).toString('base64'),
    ],
  ])('with %s in it is rejected', async (_, body) => {
    const cloud = new Cloud()
    const site = await Site.start(file)
    cloud.publish({ A: 'Accepted' })
    await site.documents.take({ ...cloud.messages(undefined)[0]!, body })
    expect(site.n).toBe(0)
    expect(await site.facts()).toEqual(['document.rejected'])
  })

  it('follows a document that an older version kept as one text only after a whole', async () => {
    const cloud = new Cloud()
    const site = await Site.start(file)
    cloud.publish({ A: 'Accepted' })
    const body = { tokens: [...cloud.versions[1]!.values()] }
    const value = { version: { generation: 'g', n: 1 }, body } as unknown as Json
    await site.state.commit({ facts: [], puts: [{ kind: 'document', id: 'tokens', value }], deletes: [] })
    expect(site.status('A')).toBe('Accepted')
    expect(site.documents.held()).toEqual({ documents: { tokens: { generation: 'g', n: 1 } }, forms: {} })
    cloud.publish({ B: 'Accepted' })
    const text = JSON.stringify({ tokens: [...cloud.versions[2]!.values()] })
    const { form: _, ...message } = cloud.messages(undefined)[0]!
    await site.documents.take({ ...message, chunk: { index: 0, of: 1 }, body: text, sha256: sha256(text) })
    expect([site.n, site.status('A'), site.status('B')]).toEqual([2, 'Accepted', 'Accepted'])
    expect(site.documents.held().forms).toEqual({ tokens: 1 })
  })
})

it('whatever is lost, doubled, late or cut off: a site holds exactly one version, never goes back, and ends at the newest', {
  timeout: 120_000,
}, async () => {
  const ids = ['A', 'b', 'C', 'd', 'É', '\u0000', '{"', 'x'.repeat(40)]
  const changes = fc.dictionary(fc.constantFrom(...ids), fc.constantFrom('Accepted', 'Blocked', null), {
    minKeys: 1,
    maxKeys: 5,
  })
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), changes }) },
    // Sends to what the cloud believes is held: the truth, or an older one.
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        believes: fc.double({ min: 0, max: 1, noNaN: true }),
        whole: fc.boolean(),
        perChunk: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('deliver' as const),
        which: fc.double({ min: 0, max: 1, noNaN: true }),
        keep: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('reconnect' as const, 'crash' as const) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const path = join(folder, `journal-${n++}.db`)
      const cloud = new Cloud()
      let site = await Site.start(path)
      let onTheWay: DocumentMessage[] = []
      let last = 0
      const check = () => {
        expect(site.n).toBeGreaterThanOrEqual(last)
        last = site.n
        const version = cloud.versions[site.n]!
        for (const id of ids)
          expect([site.n, id, site.status(id)]).toEqual([site.n, id, version.get(id)?.status])
      }
      for (const it of steps) {
        if (it.do === 'publish') cloud.publish(it.changes as Record<string, Token['status'] | null>)
        if (it.do === 'send' && cloud.n > 0)
          onTheWay.push(
            ...cloud.messages(
              it.whole || site.n === 0 ? undefined : Math.round(it.believes * site.n) || undefined,
              it.perChunk,
            ),
          )
        if (it.do === 'deliver' && onTheWay.length > 0) {
          const i = Math.min(onTheWay.length - 1, Math.floor(it.which * onTheWay.length))
          await site.documents.take(onTheWay[i]!)
          if (!it.keep) onTheWay = onTheWay.filter((_, j) => j !== i)
        }
        if (it.do === 'reconnect') site.documents.end()
        if (it.do === 'crash') site = await site.crash(path)
        check()
      }
      // Healed: a hello tells what is held, and what is due comes whole and in order.
      if (cloud.n === 0) return site.journal.close()
      site.documents.end()
      const { tokens } = site.documents.held().documents
      for (const it of cloud.messages(tokens?.n)) await site.documents.take(it)
      check()
      expect(site.n).toBe(cloud.n)
      await site.journal.close()
    }),
    { numRuns: 60 },
  )
})
