/** GetCertificateChainStatus (M07) over a socket, with an OCSP responder and lists of revoked certificates over HTTP. */
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { readRevocationList } from '@switchyard/protocol/certificates/revocation-list.ts'
import {
  hashesOf,
  issue,
  openResponder,
  type Party,
  type Responder,
  revocationList,
  serve,
} from '@switchyard/protocol/certificates/testing/authority.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect21, type Station } from '../../testing/connect-21.ts'
import { askOutside } from '../../testing/outside.ts'
import { TestController } from '../../testing/test-controller.ts'

const HOUR_MS = 3_600_000
const NOW = Date.parse('2026-11-23T12:00:00Z')
const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }

let site: TestController
let station: Station
let responder: Responder
let lists: Awaited<ReturnType<typeof serve>>
let list: Buffer | undefined
let linked = true
let [root, sub, vehicle]: Party[] = []

beforeEach(async () => {
  linked = true
  list = undefined
  site = await TestController.start({
    ports: { askCertificates: async (_, question) => (linked ? askOutside(question) : undefined) },
  })
  root = await issue('OEM Root', undefined)
  sub = await issue('OEM Sub-CA', root, { serialNumber: '0c5b' })
  vehicle = await issue('WMIV1234567890ABCDEF', sub, { ca: false, serialNumber: '0c0ffe' })
  responder = await openResponder([root, sub], () => site.clock.now())
  lists = await serve((_, response) => void (list ? response.end(list) : response.writeHead(404).end()))
  station = await connect21(site.url)
  await station.call('BootNotification', BOOT)
})
afterEach(async () => {
  await station.close()
  await site.stop()
  await responder.close()
  await lists.close()
})

const ofVehicle = () => ({
  certificateHashData: hashesOf(vehicle!, sub!),
  source: 'OCSP',
  urls: [responder.url],
})
const ofSub = () => ({ certificateHashData: hashesOf(sub!, root!), source: 'CRL', urls: [lists.url] })
async function statuses(...certificateStatusRequests: object[]) {
  const answer = await station.call('GetCertificateChainStatus', { certificateStatusRequests })
  return (answer.certificateStatus as { status: string; nextUpdate: string }[]).map(
    ({ status, nextUpdate }) => [status, (Date.parse(nextUpdate) - site.clock.now()) / HOUR_MS] as const,
  )
}

describe('the status of a chain', () => {
  it('is what its responder and its list say, each in its place, until when they say', async () => {
    await site.apply('site', { authorization: { statusIssuers: [root!.pem] } })
    list = await revocationList(root!, [], { nowMs: NOW, validMs: 5 * HOUR_MS })
    expect(await statuses(ofVehicle(), ofSub())).toEqual([
      ['Good', 1],
      ['Good', 5],
    ])
    responder.revoked.add('0c0ffe')
    list = await revocationList(root!, ['0c5b'], { nowMs: NOW, validMs: 99 * HOUR_MS })
    site.clock.advance(6 * HOUR_MS)
    expect(await statuses(ofVehicle(), ofSub())).toEqual([
      ['Revoked', 1],
      ['Revoked', 93],
    ])
  })

  it('is asked at the next place where the first does not answer, and Failed where none does', async () => {
    const nowhere = `${lists.url}nothing`
    expect(await statuses({ ...ofVehicle(), urls: [nowhere, responder.url] })).toEqual([['Good', 1]])
    expect(await statuses({ ...ofSub(), urls: [nowhere] })).toEqual([['Failed', 1]])
  })

  it('is Failed where nobody vouches for it: the issuer is not known here, or has not signed', async () => {
    list = await revocationList(root!, [], { nowMs: NOW, validMs: HOUR_MS })
    expect(await statuses(ofSub())).toEqual([['Failed', 1]])
    await site.apply('site', { authorization: { statusIssuers: [root!.pem] } })
    list = await revocationList(await issue('OEM Root', undefined), [], { nowMs: NOW, validMs: HOUR_MS })
    expect(await statuses(ofSub())).toEqual([['Failed', 1]])
    expect(JSON.stringify(site.warnings)).toMatch(/not known here.*not signed by the issuer/)
  })

  it('is held at the site, and told with the cloud gone', async () => {
    expect(await statuses(ofVehicle())).toEqual([['Good', 1]])
    linked = false
    expect(await statuses(ofVehicle())).toEqual([['Good', 1]])
    site.clock.advance(HOUR_MS)
    expect(await statuses(ofVehicle())).toEqual([['Failed', 1]])
  })
})

it('a list that is out of date, not valid yet, a part, or none is not taken', async () => {
  const id = hashesOf(sub!, root!)
  const known = [new Uint8Array(root!.certificate.rawData)]
  const read = async (nowMs: number, extensions: x509.Extension[] = []) =>
    readRevocationList(
      await revocationList(root!, [], { nowMs, validMs: HOUR_MS, extensions }),
      id,
      known,
      NOW,
    )
  await expect(read(NOW - 2 * HOUR_MS)).rejects.toThrow('out of date')
  await expect(read(NOW + HOUR_MS)).rejects.toThrow('not valid yet')
  await expect(readRevocationList(Buffer.from('nonsense'), id, known, NOW)).rejects.toThrow('no list')
  const delta = new x509.Extension('2.5.29.27', true, Uint8Array.of(2, 1, 1).buffer)
  const casOnly = new x509.Extension('2.5.29.28', true, Uint8Array.of(0x30, 3, 0x82, 1, 0xff).buffer)
  for (const part of [delta, casOnly]) await expect(read(NOW, [part])).rejects.toThrow('a part')
  expect(await read(NOW)).toMatchObject({ status: 'Good' })
})
