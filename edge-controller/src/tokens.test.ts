import { bucketsOf, type Token } from '@switchyard/protocol/site/buckets.ts'
import { describe, expect, it } from 'vitest'
import type { StateReader } from './draft.ts'
import { TOKENS_KIND, tokenEntry } from './tokens.ts'

const version = { generation: 'g1', n: 1 }

/** A site that holds these tokens, in buckets or as a version before them did. */
function site(form: 'buckets' | 'whole', tokens: Token[]): StateReader {
  const entities = new Map<string, unknown>()
  const applied = form === 'buckets' ? { version, form: 1 } : { version, body: { tokens } }
  entities.set('document/tokens', applied)
  if (form === 'buckets')
    for (const [bucket, text] of bucketsOf(tokens)) entities.set(`${TOKENS_KIND}/${bucket}`, text)
  return { get: <T>(kind: string, id: string) => entities.get(`${kind}/${id}`) as T | undefined }
}

describe.each(['buckets', 'whole'] as const)('a token of a document kept as %s', (form) => {
  const contract: Token = { idToken: 'DE-ABC-C12345678-9', type: 'eMAID', status: 'Accepted' }
  const card: Token = { idToken: 'AB-CD', type: 'ISO14443', status: 'Accepted' }

  it('is found in each of its writings where it is an eMAID, and only as it is written where it is not', () => {
    const state = site(form, [contract, card])
    for (const value of ['DEABCC123456789', 'de-abc-c123456789', 'DE-ABC-C12345678-9'])
      expect(tokenEntry(state, { value, type: 'eMAID' })).toEqual(contract)
    expect(tokenEntry(state, { value: 'DEABCC123456789', type: 'Central' })).toBeUndefined()
    expect(tokenEntry(state, { value: 'ab-cd', type: 'ISO14443' })).toEqual(card)
    expect(tokenEntry(state, { value: 'ABCD', type: 'eMAID' })).toBeUndefined()
  })

  it('that is there as it is presented goes before another writing of it', () => {
    const blocked: Token = { idToken: 'DEABCC123456789', type: 'eMAID', status: 'Blocked' }
    const state = site(form, [contract, blocked])
    expect(tokenEntry(state, { value: 'deabcc123456789', type: 'eMAID' })).toEqual(blocked)
    expect(tokenEntry(state, { value: contract.idToken, type: 'eMAID' })).toEqual(contract)
  })
})
