import { issue, type Party } from '@switchyard/protocol/certificates/testing/authority.ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { judgeContract } from './contract-certificate.ts'

const NOW = Date.parse('2026-11-23T12:00:00Z')
const EMAID = 'DE-ABC-C12345678-9'

describe('contract certificates', () => {
  let root: Party
  let sub: Party
  let contract: Party
  let other: Party
  beforeAll(async () => {
    root = await issue('V2G Root', undefined)
    sub = await issue('MO Sub-CA', root)
    contract = await issue('DEABCC123456789', sub, { ca: false })
    other = await issue('Other Root', undefined)
  })
  const chain = (...parties: Party[]) => parties.map((it) => it.pem).join('\n')

  it('are accepted when their chain leads to a known root', () => {
    expect(judgeContract(chain(contract, sub), [other.pem, root.pem], EMAID, NOW).status).toBe('Accepted')
    expect(judgeContract(chain(contract, sub, root), [root.pem], EMAID, NOW).status).toBe('Accepted')
    // A sub-CA may be what the site trusts.
    expect(judgeContract(chain(contract), [sub.pem], EMAID, NOW).status).toBe('Accepted')
  })

  it('are not, when the chain leads nowhere, or only to what the EV itself has brought', () => {
    expect(judgeContract(chain(contract), [root.pem], EMAID, NOW).status).toBe('CertChainError')
    expect(judgeContract(chain(contract, sub, root), [other.pem], EMAID, NOW).status).toBe('CertChainError')
    expect(
      judgeContract('-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----', [root.pem], EMAID, NOW)
        .status,
    ).toBe('CertChainError')
  })

  it('are not, when one is forged, has ended, or is no CA', async () => {
    const forged = await issue('DEABCC123456789', sub, { ca: false, signedWith: other })
    expect(judgeContract(chain(forged, sub), [root.pem], EMAID, NOW).status).toBe('CertChainError')
    const old = await issue('DEABCC123456789', sub, { ca: false, notAfter: '2026-01-01' })
    expect(judgeContract(chain(old, sub), [root.pem], EMAID, NOW).status).toBe('CertificateExpired')
    const byDriver = await issue('DEXYZC999999999', contract, { ca: false })
    expect(judgeContract(chain(byDriver, contract, sub), [root.pem], 'DEXYZC999999999', NOW).status).toBe(
      'CertChainError',
    )
  })

  it('cannot be judged without a root', () => {
    expect(judgeContract(chain(contract, sub), [], EMAID, NOW).status).toBe('NoCertificateAvailable')
  })

  it('are those of their own eMAID alone, and text that is none is no certificate', () => {
    for (const [text, emaid] of [
      [chain(contract, sub), 'DE-ABC-C00000000-0'],
      ['', EMAID],
      ['certificate', EMAID],
    ] as const)
      expect(judgeContract(text, [root.pem], emaid, NOW).status).toBe('CertChainError')
  })

  it('decide what Authorize is answered, over a socket', async () => {
    const site = await TestController.start()
    await site.apply('tokens', { tokens: [{ idToken: EMAID, type: 'eMAID', status: 'Accepted' }] })
    const station = await connect(site.url, 'CS1', 'ocpp2.0.1')
    await station.call('BootNotification', {
      reason: 'PowerUp',
      chargingStation: { vendorName: 'V', model: 'M' },
    })
    const ask = (certificate: string) =>
      station.call('Authorize', { idToken: { idToken: EMAID, type: 'eMAID' }, certificate })
    const known = { idTokenInfo: { status: 'Accepted' }, certificateStatus: 'NoCertificateAvailable' }
    expect(await ask(chain(contract, sub))).toEqual(known)
    await site.apply('site', { authorization: { contractRoots: [root.pem] } })
    expect(await ask(chain(contract, sub))).toEqual({ ...known, certificateStatus: 'Accepted' })
    expect(await ask(chain(contract))).toEqual({
      idTokenInfo: { status: 'Invalid' },
      certificateStatus: 'CertChainError',
    })
    await station.close()
    await site.stop()
  })
})
