/** Certificates of ISO 15118 over real sockets; the station of 2.0.1 is ocpp-rpc's, strict in every message. */
import type { CertificateQuestion, CertificateReply } from '@switchyard/protocol/site/certificate-question.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { connect } from '../../testing/charge-point.ts'
import { connect21, type Station } from '../../testing/connect-21.ts'
import { TestController } from '../../testing/test-controller.ts'

const EXI = { iso15118SchemaVersion: 'urn:iso:15118:2:2013:MsgDef', action: 'Install', exiRequest: 'gJgC' }
const OCSP = {
  hashAlgorithm: 'SHA256',
  issuerNameHash: 'aa',
  issuerKeyHash: 'bb',
  serialNumber: '1f',
  responderURL: 'http://ocsp.example/',
}

describe.each(['2.0.1', '2.1'] as const)('a %s station', (version) => {
  let site: TestController
  let station: Station
  const asked: [string, CertificateQuestion][] = []
  let reply: CertificateReply | undefined

  async function open(): Promise<void> {
    asked.length = 0
    site = await TestController.start({
      ports: {
        askCertificates: async (...question) => {
          asked.push(question)
          return reply
        },
      },
    })
    station = version === '2.1' ? await connect21(site.url) : await connect(site.url, 'CS1', 'ocpp2.0.1')
    await station.call('BootNotification', {
      reason: 'PowerUp',
      chargingStation: { vendorName: 'Example Power', model: 'EP-21' },
    })
  }
  afterEach(async () => {
    await station.close()
    await site.stop()
  })

  it('is given the contract certificate that the cloud brought (M01)', async () => {
    reply = { exiResponse: 'gJiC', remainingContracts: 2 }
    await open()
    const more =
      version === '2.1' ? { maximumContractCertificateChains: 3, prioritizedEMAIDs: ['DE8AA1'] } : {}
    expect(await station.call('Get15118EVCertificate', { ...EXI, ...more })).toEqual({
      status: 'Accepted',
      exiResponse: 'gJiC',
      ...(version === '2.1' ? { remainingContracts: 2 } : {}),
    })
    expect(asked).toEqual([['CS1', { kind: 'contract', ...EXI, ...more }]])
  })

  it('is given the status of a certificate (M06)', async () => {
    reply = { ocspResult: 'MIIB' }
    await open()
    expect(await station.call('GetCertificateStatus', { ocspRequestData: OCSP })).toEqual({
      status: 'Accepted',
      ocspResult: 'MIIB',
    })
    const { responderURL: responderUrl, ...hashes } = OCSP
    expect(asked).toEqual([['CS1', { kind: 'status', ...hashes, responderUrl }]])
  })

  it('is told why there is none', async () => {
    reply = { code: 'Refused', failed: 'no contract of this car', failedExiResponse: 'gJiD' }
    await open()
    expect(await station.call('Get15118EVCertificate', EXI)).toEqual({
      status: 'Failed',
      exiResponse: 'gJiD',
      statusInfo: { reasonCode: 'Refused', additionalInfo: 'no contract of this car' },
    })
    reply = undefined
    expect(await station.call('GetCertificateStatus', { ocspRequestData: OCSP })).toMatchObject({
      status: 'Failed',
      statusInfo: { reasonCode: 'NoAnswer' },
    })
  })

  it('is never sent more than its version has room for', async () => {
    reply = { exiResponse: 'A'.repeat(5_601) }
    await open()
    const contract = await station.call('Get15118EVCertificate', EXI)
    reply = { ocspResult: 'A'.repeat(5_501) }
    const status = await station.call('GetCertificateStatus', { ocspRequestData: OCSP })
    const expected =
      version === '2.1' ? { status: 'Accepted' } : { status: 'Failed', statusInfo: { reasonCode: 'TooLong' } }
    expect(contract).toMatchObject(expected)
    expect(status).toMatchObject(expected)
  })
})
