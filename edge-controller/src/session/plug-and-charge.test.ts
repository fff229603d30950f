/** Contract certificates (C07) over sockets, with certificates and an OCSP responder of the test's own, over HTTP. */

import {
  hashesOf,
  issue,
  openResponder,
  type Party,
  type Responder,
} from '@switchyard/protocol/certificates/testing/authority.ts'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { AuthorizationPolicy } from '@switchyard/protocol/site/document.ts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FORGET_UNUSED_MS, MAX_HELD_MS, REFRESH_EVERY_MS } from '../certificates/revocation.ts'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { askOutside } from '../testing/outside.ts'
import { TestController } from '../testing/test-controller.ts'

const EMAID = 'DEABCC123456789'
const HOUR_MS = 3_600_000
const BOOT = { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } }

let site: TestController
let station: ChargePoint
let responder: Responder
let [root, sub, contract]: Party[] = []
let linked = true

beforeEach(async () => {
  linked = true
  site = await TestController.start({
    ports: { askCertificates: async (_, question) => (linked ? askOutside(question) : undefined) },
  })
  root = await issue('V2G Root', undefined)
  responder = await openResponder([root], () => site.clock.now())
  const ocsp = responder.url
  sub = await issue('MO Sub-CA', root, { ocsp, serialNumber: '0c5b' })
  contract = await issue(EMAID, sub, { ca: false, ocsp, serialNumber: '0c0ffe' })
  responder.signers.push(sub)
  await policy({})
  await site.apply('tokens', { tokens: [{ idToken: EMAID, type: 'eMAID', status: 'Accepted' }] })
  await open()
})
afterEach(async () => {
  await station.close()
  await site.stop()
  await responder.close()
})

async function open(): Promise<void> {
  station = await connect(site.url, 'CS1', 'ocpp2.0.1')
  await station.call('BootNotification', BOOT)
}
const policy = (more: AuthorizationPolicy) =>
  site.apply('site', { authorization: { contractRoots: [root!.pem], ...more } })
async function decided(shown: object): Promise<[unknown, unknown]> {
  const answer = await station.call('Authorize', { idToken: { idToken: EMAID, type: 'eMAID' }, ...shown })
  return [(answer.idTokenInfo as JsonObject).status, answer.certificateStatus]
}
const chain = (...parties: Party[]) => ({ certificate: parties.map((it) => it.pem).join('\n') })
const hashes = () => ({
  iso15118CertificateHashData: [{ ...hashesOf(contract!, sub!), responderURL: responder.url }],
})

describe('a contract whose chain is in order', () => {
  it('is accepted when its responder says that no certificate of it is revoked', async () => {
    expect(await decided(chain(contract!, sub!))).toEqual(['Accepted', 'Accepted'])
    expect(responder.asked.sort()).toEqual(['0c0ffe', '0c5b'])
    const [fact] = await site.factsOf('token.decided')
    expect(fact!.data).toMatchObject({ status: 'Accepted', certificateStatus: 'Accepted' })
  })

  it.each(['0c0ffe', '0c5b'])('is refused when %s of it is revoked', async (serial) => {
    responder.revoked.add(serial)
    expect(await decided(chain(contract!, sub!))).toEqual(['Invalid', 'CertificateRevoked'])
  })

  it('is refused when no status is to be had, unless the site accepts that', async () => {
    responder.down = true
    expect(await decided(chain(contract!, sub!))).toEqual(['Invalid', 'CertChainError'])
    linked = false
    expect(await decided(chain(contract!, sub!))).toEqual(['Invalid', 'CertChainError'])
    await policy({ contractWithoutStatus: 'accept' })
    expect(await decided(chain(contract!, sub!))).toEqual(['Accepted', 'Accepted'])
    expect(responder.asked).toEqual([])
  })

  it('is cancelled when its token is not accepted, whoever says so', async () => {
    for (const status of ['Blocked', 'Expired', 'Invalid'] as const) {
      await site.apply('tokens', { tokens: [{ idToken: EMAID, type: 'eMAID', status }] })
      expect(await decided(chain(contract!, sub!))).toEqual([status, 'ContractCancelled'])
    }
    // In no list: the cloud is not there to be asked, and the site takes nobody on trust.
    await site.apply('tokens', { tokens: [] })
    await policy({ offlinePolicy: 'refuse' })
    expect(await decided(chain(contract!, sub!))).toEqual(['Invalid', 'ContractCancelled'])
  })

  it('is asked about where the station says, when the certificate names no responder', async () => {
    contract = await issue(EMAID, sub, { ca: false, serialNumber: '0c0ffe' })
    const direct = { contractRoots: [sub!.pem] }
    await policy(direct)
    expect(await decided(chain(contract))).toEqual(['Accepted', 'Accepted'])
    expect(responder.asked).toEqual([])
    responder.revoked.add('0c0ffe')
    expect(await decided({ ...chain(contract), ...hashes() })).toEqual(['Invalid', 'CertificateRevoked'])
  })
})

describe('a contract whose chain is not in order', () => {
  it('is refused as expired when a certificate of it has ended, whatever its token', async () => {
    const old = await issue(EMAID, sub, { ca: false, notAfter: '2026-01-01' })
    expect(await decided(chain(old, sub!))).toEqual(['Expired', 'CertificateExpired'])
    await site.apply('tokens', { tokens: [{ idToken: EMAID, type: 'eMAID', status: 'Blocked' }] })
    expect(await decided(chain(old, sub!))).toEqual(['Expired', 'CertificateExpired'])
  })

  it('is refused when it is of another eMAID than the token, or signed by nobody whom it names', async () => {
    const others = await issue('DEXYZC999999999', sub, { ca: false })
    expect(await decided(chain(others, sub!))).toEqual(['Invalid', 'CertChainError'])
    const forged = await issue(EMAID, sub, { ca: false, signedWith: root! })
    expect(await decided(chain(forged, sub!))).toEqual(['Invalid', 'CertChainError'])
    expect(await decided({ certificate: 'no certificate' })).toEqual(['Invalid', 'CertChainError'])
    const [fact] = await site.factsOf('token.decided')
    expect(fact!.data).toMatchObject({ status: 'Invalid', certificateStatus: 'CertChainError' })
  })

  it('is judged by the token alone where the site knows no root', async () => {
    await policy({ contractRoots: [] })
    const others = await issue('DEXYZC999999999', sub, { ca: false })
    expect(await decided(chain(others, sub!))).toEqual(['Accepted', 'NoCertificateAvailable'])
    await site.apply('tokens', { tokens: [{ idToken: EMAID, type: 'eMAID', status: 'Blocked' }] })
    expect(await decided(chain(contract!, sub!))).toEqual(['Blocked', 'NoCertificateAvailable'])
  })
})

describe('a contract of which the station sends hashes alone', () => {
  it('is accepted or revoked as the responder says, whose certificate comes with the answer', async () => {
    expect(await decided(hashes())).toEqual(['Accepted', 'Accepted'])
    contract = await issue(EMAID, sub, { ca: false, serialNumber: '0bad' })
    responder.revoked.add('0bad')
    expect(await decided(hashes())).toEqual(['Invalid', 'CertificateRevoked'])
  })

  it('is refused where nobody vouches for the answer', async () => {
    responder.signers = [await issue('MO Sub-CA', undefined)]
    expect(await decided(hashes())).toEqual(['Invalid', 'CertChainError'])
    expect(JSON.stringify(site.warnings)).toContain('not signed by the issuer')
  })

  it('is judged by a responder that the issuer has appointed, and by no other', async () => {
    await policy({ contractRoots: [sub!.pem] })
    responder.signers = [await issue('OCSP', sub, { ca: false, appointed: true })]
    expect(await decided(hashes())).toEqual(['Accepted', 'Accepted'])
    contract = await issue(EMAID, sub, { ca: false, serialNumber: '0c0ffd' })
    responder.signers = [await issue('Another driver', sub, { ca: false })]
    expect(await decided(hashes())).toEqual(['Invalid', 'CertChainError'])
    responder.signers = [await issue('OCSP', root, { ca: false, appointed: true })]
    expect(await decided(hashes())).toEqual(['Invalid', 'CertChainError'])
  })

  it('decides nothing where it sends none', async () => {
    expect(await decided({})).toEqual(['Accepted', undefined])
  })
})

describe('what a responder has said', () => {
  beforeEach(() => {
    responder.validMs = 48 * HOUR_MS
  })

  it('is held at the site, over a restart and with the cloud gone, until it ends', async () => {
    expect(await decided(hashes())).toEqual(['Accepted', 'Accepted'])
    linked = false
    await station.close()
    await site.restart()
    await open()
    site.clock.advance(47 * HOUR_MS)
    expect(await decided(hashes())).toEqual(['Accepted', 'Accepted'])
    site.clock.advance(HOUR_MS)
    expect(await decided(hashes())).toEqual(['Invalid', 'CertChainError'])
    expect(responder.asked).toHaveLength(1)
  })

  it('counts for a week at most, and for a day where it names no end', async () => {
    responder.validMs = 100 * 24 * HOUR_MS
    await decided(hashes())
    linked = false
    site.clock.advance(MAX_HELD_MS - 1)
    expect(await decided(hashes())).toEqual(['Accepted', 'Accepted'])
    site.clock.advance(1)
    expect(await decided(hashes())).toEqual(['Invalid', 'CertChainError'])
    linked = true
    responder.validMs = undefined
    await decided(hashes())
    linked = false
    site.clock.advance(23 * HOUR_MS)
    expect(await decided(hashes())).toEqual(['Accepted', 'Accepted'])
    site.clock.advance(HOUR_MS)
    expect(await decided(hashes())).toEqual(['Invalid', 'CertChainError'])
  })

  it('of a revoked one stands when nobody can be asked any more', async () => {
    responder.revoked.add('0c0ffe')
    await decided(hashes())
    linked = false
    site.clock.advance(60 * HOUR_MS)
    await policy({ contractWithoutStatus: 'accept' })
    expect(await decided(hashes())).toEqual(['Invalid', 'CertificateRevoked'])
  })

  it('is asked again before it ends, while there is a link, and forgotten when nobody uses it', async () => {
    await decided(hashes())
    const pass = (look: () => boolean) =>
      site.until(() => {
        site.clock.advance(REFRESH_EVERY_MS)
        return look()
      })
    const beganMs = site.clock.now()
    await pass(() => responder.asked.length > 1)
    expect(site.clock.now() - beganMs).toBeGreaterThanOrEqual(24 * HOUR_MS)
    responder.revoked.add('0c0ffe')
    await pass(() => responder.asked.length > 2)
    linked = false
    await site.until(async () => {
      const [status] = await decided(hashes())
      return status === 'Invalid'
    })
    site.clock.advance(FORGET_UNUSED_MS + 24 * HOUR_MS)
    await pass(() => site.state.list('certificate.status').length === 0)
  })
})
