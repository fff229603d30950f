/** Plug & charge end to end: certificates, an OCSP responder and a V2G CA of the test's own, and a station that is not ours. */
import {
  issue,
  openResponder,
  type Party,
  type Responder,
} from '@switchyard/protocol/certificates/testing/authority.ts'
import { openV2gCa, requestFor, type V2gCa } from '@switchyard/protocol/certificates/testing/v2g-ca.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './process.ts'
import { type Connected, connect } from './stations.ts'
import { type System, startSystem } from './system.ts'

const EMAID = 'DEABCC123456789'
const PASSWORD = 'correct-horse-battery'
const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'Independent', model: 'RPC-2' } }

describe('plug & charge', () => {
  let system: System
  let responder: Responder
  let ca: V2gCa
  let root: Party
  beforeAll(async () => {
    root = await issue('V2G Root', undefined)
    responder = await openResponder([root], () => Date.now())
    ca = await openV2gCa()
    system = await startSystem({
      broker: 'embedded',
      cloudEnv: { V2G_CA_URL: ca.url, OCSP_PRIVATE_ADDRESSES: 'true' },
    })
    await system.api.request('PATCH', `/api/v1/sites/${system.siteId}`, {
      authorization: { contractRoots: [root.pem] },
    })
    await system.api.post('/api/v1/tokens', { idToken: EMAID, type: 'eMAID', valid: true })
    await system.api.post('/api/v1/stations', {
      stationId: 'CS-1',
      siteId: system.siteId,
      approved: true,
      password: PASSWORD,
    })
  }, 120_000)
  afterAll(async () => {
    await system?.stop()
    await responder?.close()
    await ca?.close()
  }, 60_000)

  const comesIn = async (): Promise<Connected> => {
    const station = await eventually('the station to be let in', () =>
      connect(system.ocppUrl, 'CS-1', '2.0.1', PASSWORD).catch(() => undefined),
    )
    await station.client.call('BootNotification', BOOT)
    return station
  }
  const contract = (serialNumber: string) =>
    issue(EMAID, root, { ca: false, serialNumber, ocsp: responder.url })
  const authorize = ({ client }: Connected, { pem }: Party) =>
    client.call<{ idTokenInfo: { status: string }; certificateStatus: string }>('Authorize', {
      idToken: { idToken: EMAID, type: 'eMAID' },
      certificate: pem,
    })
  const accepted = { idTokenInfo: { status: 'Accepted' }, certificateStatus: 'Accepted' }

  it('a contract is accepted or revoked as its responder says, and as it said with the cloud gone', async () => {
    const [good, bad, later] = [await contract('0a01'), await contract('0bad'), await contract('0a02')]
    responder.revoked.add('0bad')
    const station = await comesIn()
    await eventually('the root to have come to the site', async () => {
      const answer = await authorize(station, good)
      return answer.certificateStatus === 'Accepted'
    })
    const revoked = { idTokenInfo: { status: 'Invalid' }, certificateStatus: 'CertificateRevoked' }
    expect(await authorize(station, bad)).toMatchObject(revoked)
    const asked = responder.asked.length
    await system.cloud.stop()
    expect(await authorize(station, good)).toMatchObject(accepted)
    expect(await authorize(station, bad)).toMatchObject(revoked)
    expect(await authorize(station, later)).toMatchObject({
      idTokenInfo: { status: 'Invalid' },
      certificateStatus: 'CertChainError',
    })
    expect(responder.asked).toHaveLength(asked)
    system.cloud.start()
    await eventually('the responder to be asked again', async () => {
      const answer = await authorize(station, later)
      return answer.certificateStatus === 'Accepted'
    })
    await station.client.close()
  })

  it('a certificate to show to cars comes from the V2G CA', async () => {
    const station = await comesIn()
    const signed = new Promise<object>((resolve) =>
      station.client.handle('CertificateSigned', (({ params }: { params: object }) => {
        resolve(params)
        return { status: 'Accepted' }
      }) as never),
    )
    const csr = await requestFor('DE*ICE*S1')
    const wish = { csr, certificateType: 'V2GCertificate' }
    await eventually('the request to be accepted', async () => {
      const answer = await station.client.call<{ status: string }>('SignCertificate', wish)
      return answer.status === 'Accepted'
    })
    expect(await signed).toEqual({
      certificateType: 'V2GCertificate',
      certificateChain: expect.stringContaining(ca.sub.pem),
    })
    expect(ca.asked[0]).toEqual({ siteId: system.siteId, stationId: 'CS-1', ...wish })
    await station.client.close()
  })
})
