import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SITE, startStationService, type TestStationService } from './testing.ts'

let it: TestStationService
beforeEach(async () => {
  it = await startStationService()
  await it.createSite()
})
afterEach(async () => {
  await it?.stop()
})

/** The site document as published last. */
async function document() {
  await it.platform.relay()
  const entries = await it.platform.entries('document.published')
  const bodies = entries.map((entry) => JSON.parse(entry.text).data).filter((data) => data.name === 'site')
  return JSON.parse(bodies.at(-1).body)
}
const patch = (wish: object) => it.ask('PATCH', `/v1/sites/${SITE}`, wish)

test('how a site decides beyond its tokens is wanted over the API, and the site is told', async () => {
  expect((await it.ask('GET', `/v1/sites/${SITE}`)).body.authorization).toBeNull()
  const authorization = {
    offlinePolicy: 'accept',
    offlineMaxSessions: 2,
    offlineMaxWh: 5_000,
    masterPassGroupId: 'masters',
    directPayment: 'refuse',
  }
  expect((await patch({ authorization })).body).toMatchObject({ authorization })
  await patch({ baseline: false })
  expect(await document()).toEqual({ timeZone: 'Europe/Berlin', baseline: false, authorization })
  expect((await patch({ authorization: { offlineMaxSessions: 1 } })).body.authorization).toEqual({
    offlineMaxSessions: 1,
  })
  expect((await patch({ authorization: null })).body.authorization).toBeNull()
  expect(await document()).toEqual({ timeZone: 'Europe/Berlin', baseline: false })
  expect((await patch({ authorization: { offlineMaxSession: 1 } })).status).toBe(422)
})

test('only certificates of a CA are taken as roots of contracts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-roots-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const args = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '9']
  execFileSync('openssl', ['req', ...args, '-subj', '/CN=V2G Root', '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  const pem = readFileSync(cert, 'utf8')
  rmSync(folder, { recursive: true })
  expect((await patch({ authorization: { contractRoots: [pem] } })).status).toBe(200)
  const refused = await patch({ authorization: { contractRoots: [pem, 'no certificate'] } })
  expect(refused).toMatchObject({
    status: 422,
    body: { errors: [{ path: 'authorization.contractRoots.1', message: 'is no PEM certificate' }] },
  })
  expect(await patch({ authorization: { statusIssuers: ['no certificate'] } })).toMatchObject({
    status: 422,
    body: { errors: [{ path: 'authorization.statusIssuers.0', message: 'is no PEM certificate' }] },
  })
})
