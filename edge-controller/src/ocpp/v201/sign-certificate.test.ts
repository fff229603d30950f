/** SignCertificate for what a station shows to cars (A02), with a V2G CA behind HTTP. */
import { X509Certificate } from 'node:crypto'
import { openV2gCa, requestFor, type V2gCa } from '@switchyard/protocol/certificates/testing/v2g-ca.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashPassword } from '../../station/password.ts'
import { connect } from '../../testing/charge-point.ts'
import { connect21, type Station } from '../../testing/connect-21.ts'
import { askOutside } from '../../testing/outside.ts'
import { TestController } from '../../testing/test-controller.ts'

const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }
const PASSWORD = 's3cret-s3cret-s3cret'
const HASH = {
  hashAlgorithm: 'SHA256',
  issuerNameHash: 'aa',
  issuerKeyHash: 'bb',
  serialNumber: '1f',
} as const

describe.each(['2.0.1', '2.1'] as const)('a %s station that asks for a certificate for cars', (version) => {
  let site: TestController
  let station: Station
  let ca: V2gCa
  let isThere: boolean
  /** What came with CertificateSigned. */
  let signed: JsonObject[]
  let csr: string

  beforeEach(async () => {
    isThere = true
    signed = []
    ca = await openV2gCa()
    site = await TestController.start({
      ports: { askCertificates: (_, question) => askOutside(question, isThere ? ca.url : undefined) },
    })
    csr = await requestFor('DE*ICE*S1')
    await open()
  })
  afterEach(async () => {
    await station.close()
    await site.stop()
    await ca.close()
  })
  async function open(password?: string): Promise<void> {
    const passwordHash = await hashPassword(PASSWORD, Buffer.alloc(16, 1))
    const entry = { stationId: 'CS1', approved: true, ...(password === undefined ? {} : { passwordHash }) }
    await site.apply('stations', { stations: [entry] })
    const more = password === undefined ? {} : { password }
    station =
      version === '2.1'
        ? await connect21(site.url, 'CS1', password)
        : await connect(site.url, 'CS1', 'ocpp2.0.1', more)
    station.handle('CertificateSigned', (payload) => {
      signed.push(payload)
      return { status: 'Accepted' }
    })
    await station.call('BootNotification', BOOT)
  }
  const certificateType = 'V2GCertificate'
  const about = () => (version === '2.1' ? { certificateType, requestId: 7 } : { certificateType })
  const ask = (more: object = {}) => station.call('SignCertificate', { csr, ...about(), ...more })
  const told = async () => (await site.factsOf('station.certificate')).at(-1)?.data

  it('is sent what the V2G CA has signed for its key, with type and request', async () => {
    await station.close()
    await open(PASSWORD)
    const more = version === '2.1' ? { hashRootCertificate: HASH } : {}
    expect(await ask(more)).toEqual({ status: 'Accepted' })
    await site.until(() => signed.length > 0)
    const { certificateChain, ...rest } = signed[0] as { certificateChain: string }
    expect(rest).toEqual(about())
    const [leaf, sub] = certificateChain.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g)!
    expect(new X509Certificate(leaf!).verify(new X509Certificate(sub!).publicKey)).toBe(true)
    expect(await site.until(told)).toMatchObject({
      outcome: 'accepted',
      certificateType,
      commonName: 'DE*ICE*S1',
    })
    expect(ca.asked).toEqual([{ kind: 'sign', certificateType, csr, ...more }])
  })

  it('is refused, with the reason, where no V2G CA stands behind the site', async () => {
    await station.close()
    await open(PASSWORD)
    isThere = false
    expect(await ask()).toMatchObject({ status: 'Rejected', statusInfo: { reasonCode: 'NoV2GCA' } })
    expect(signed).toEqual([])
  })

  it('is refused, and the CA not asked, where the connection has proved nothing', async () => {
    expect(await ask()).toMatchObject({ status: 'Rejected', statusInfo: { reasonCode: 'NotSignedNow' } })
    expect(ca.asked).toEqual([])
  })

  it('is not sent a certificate for another key', async () => {
    await station.close()
    await open(PASSWORD)
    ca.answer = {
      status: 200,
      body: JSON.stringify({ status: 'Accepted', certificateChain: ca.sub.pem }),
    }
    expect(await ask()).toEqual({ status: 'Accepted' })
    expect(await site.until(told)).toMatchObject({
      outcome: 'refused',
      certificateType,
      reason: expect.stringContaining('another key'),
    })
    expect(signed).toEqual([])
  })
})
