/** Firmware from an operator to a site over real HTTP and a real database, in pieces. */
import { createHash } from 'node:crypto'
import { firmwarePath, PIECE_BYTES } from '@switchyard/protocol/site/file.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemRandom } from '../platform/clock.ts'
import { testHeaders } from '../platform/testing.ts'
import { startTestGateway, type TestGateway } from './testing.ts'

const IMAGE = Buffer.from(systemRandom.bytes(PIECE_BYTES + 7))
const INPUT = {
  vendor: 'V',
  version: '1.2.3',
  bytes: IMAGE.length,
  sha256: createHash('sha256').update(IMAGE).digest('hex'),
}

let gateway: TestGateway
let password: string
beforeAll(async () => {
  gateway = await startTestGateway()
  password = (await gateway.credential('s1')).password
}, 60_000)
afterAll(() => gateway?.close())

async function api(method: string, path: string, body?: object, tenant?: string) {
  const raw = Buffer.isBuffer(body)
  const response = await fetch(`${gateway.target.url}/v1/firmware${path}`, {
    method,
    headers: {
      ...testHeaders(),
      ...(tenant ? { 'x-switchyard-tenant': tenant } : {}),
      ...(body && !raw ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: (raw ? body : JSON.stringify(body)) as string } : {}),
  })
  const text = await response.text()
  return { status: response.status, body: text ? JSON.parse(text) : undefined }
}
const asSite = (path: string, secret = password) =>
  fetch(gateway.target.url + path, {
    headers: { authorization: `Basic ${Buffer.from(`s1:${secret}`).toString('base64')}` },
  })

it('goes from an operator to a site, and to nobody else', async () => {
  const { status, body: made } = await api('POST', '', { ...INPUT, signature: 's', signingCertificate: 'c' })
  expect([status, made.status, made.signed]).toEqual([201, 'incomplete', true])
  const id = made.firmwareId as string
  const path = firmwarePath('s1', id)
  expect((await asSite(path)).status).toBe(409)
  expect((await api('PUT', `/${id}/content/0`, IMAGE.subarray(1, PIECE_BYTES))).status).toBe(422)
  expect((await api('PUT', `/${id}/content/0`, IMAGE.subarray(0, PIECE_BYTES), 'other')).status).toBe(404)
  expect((await api('PUT', `/${id}/content/0`, IMAGE.subarray(0, PIECE_BYTES))).body.offset).toBe(PIECE_BYTES)
  expect((await api('PUT', `/${id}/content/${PIECE_BYTES}`, IMAGE.subarray(PIECE_BYTES))).body.complete).toBe(
    true,
  )
  expect((await api('GET', `/${id}`)).body).toMatchObject({ status: 'ready', bytesHere: IMAGE.length })
  expect((await api('GET', '')).body.items).toHaveLength(1)
  expect((await api('GET', '', undefined, 'other')).body.items).toEqual([])

  expect((await asSite(path, 'guess')).status).toBe(401)
  expect(await (await asSite(path)).json()).toEqual({
    bytes: IMAGE.length,
    sha256: INPUT.sha256,
    signature: 's',
    signingCertificate: 'c',
  })
  const pieces = await Promise.all(
    [0, PIECE_BYTES].map(async (it) => Buffer.from(await (await asSite(`${path}/${it}`)).arrayBuffer())),
  )
  expect(Buffer.concat(pieces).equals(IMAGE)).toBe(true)
  expect((await asSite(`${path}/5`)).status).toBe(404)

  expect((await api('DELETE', `/${id}`)).status).toBe(204)
  expect((await asSite(path)).status).toBe(404)
})

it('begins again when the whole is another than was announced, and is checked when it is announced', async () => {
  const { body } = await api('POST', '', { ...INPUT, bytes: 3 })
  const put = () => api('PUT', `/${body.firmwareId}/content/0`, Buffer.from('abc'))
  expect((await put()).status).toBe(409)
  expect((await api('GET', `/${body.firmwareId}`)).body.bytesHere).toBe(0)
  expect((await api('POST', '', { ...INPUT, signature: 's' })).status).toBe(422)
  expect((await api('POST', '', { ...INPUT, sha256: 'x' })).status).toBe(422)
})
