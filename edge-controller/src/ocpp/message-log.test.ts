import type { JsonObject } from '@switchyard/protocol/json.ts'
import {
  type LoggedMessage,
  MESSAGES_KIND,
  MESSAGES_PAGE_BYTES,
  messagesPage,
} from '@switchyard/protocol/site/messages.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { type ChargePoint, connect } from '../testing/charge-point.ts'
import { TestController } from '../testing/test-controller.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { MessageLog } from './message-log.ts'

const AT = '2026-11-23T12:00:00.000Z'
const words = (items: readonly LoggedMessage[]) => items.map((it) => `${it.dir} ${it.action}`)

describe('what is kept', () => {
  const clock = new VirtualClock(AT)
  const log = new MessageLog(clock)
  const beat = (station: string, id: number, pad = '') =>
    log.record(station, 'in', JSON.stringify([2, String(id), 'Heartbeat', { pad }]))
  const all = (station: string) => log.page(station, { limit: 200 })

  it('is bounded by station, and the oldest go', () => {
    for (let id = 1; id <= 2_100; id++) beat('MANY', id)
    const numbers: number[] = []
    let before: number | undefined
    do {
      const { items, older } = log.page('MANY', { limit: 200, before })
      expect(JSON.stringify(items).length).toBeLessThan(MESSAGES_PAGE_BYTES + 1_000)
      numbers.push(...items.map((it) => Number(it.frame![1])))
      before = older ?? undefined
    } while (before !== undefined)
    expect(numbers).toEqual(Array.from({ length: 2_000 }, (_, i) => 2_100 - i))
  })

  it('is bounded for the site: the station that was heard of longest ago is forgotten', () => {
    beat('FIRST', 1)
    for (let station = 0; station < 70; station++)
      for (let id = 0; id < 40; id++) beat(`LOUD-${station}`, id, 'x'.repeat(15_000))
    expect(all('FIRST').items).toEqual([])
    expect(all('LOUD-69').items.length).toBeGreaterThan(0)
  })

  it('leaves out what is too long, keeps what is no frame, and survives what is hostile', () => {
    for (const text of ['{', '[2,"1","BootNotif', 'x'.repeat(20_000), '['.repeat(10_000), '[null,{},7]'])
      log.record('ODD', 'in', text)
    // Bytes count, not characters.
    log.record('ODD', 'in', JSON.stringify([2, '1', 'DataTransfer', { data: '€'.repeat(15_000) }]))
    const [first, ...rest] = all('ODD').items
    expect(first).toMatchObject({ action: 'DataTransfer', text: expect.stringContaining('left out') })
    expect(rest.map((it) => it.text ?? it.frame)).toEqual([
      [null, {}, 7],
      '['.repeat(10_000),
      '(left out: 20000 characters)',
      '[2,"1","BootNotif',
      '{',
    ])
  })
})

describe('asked for through the site', () => {
  let site: TestController
  let station: ChargePoint
  afterEach(async () => {
    await station.close()
    await site.stop()
  })
  async function ask(args: JsonObject, stationId = 'CP1') {
    const command = { id: 'c', stationId, kind: MESSAGES_KIND, args, issuedAt: AT, expiresAt: AT }
    const result = await site.controller.execute(command, 10_000)
    return result.reply ? messagesPage.parse(result.reply).items : result
  }

  it('by action, session and time; also of a station that is away; passwords never', async () => {
    site = await TestController.start({ at: AT })
    station = await connect(site.url, 'CP1')
    station.handle('ChangeConfiguration', () => ({ status: 'Accepted' }))
    await station.call('BootNotification', { chargePointVendor: 'V', chargePointModel: 'M' })
    const start = { connectorId: 1, meterStart: 0, timestamp: AT }
    const one = await station.call('StartTransaction', { ...start, idTag: 'ONE' })
    site.clock.advance(60_000)
    const { transactionId } = await station.call('StartTransaction', {
      ...start,
      connectorId: 2,
      idTag: 'TWO',
    })
    const [, second] = await site.factsOf('session.started')
    await station.call('StopTransaction', {
      transactionId: one.transactionId,
      meterStop: 5,
      timestamp: AT,
    })
    await station.call('StopTransaction', { transactionId, meterStop: 5, timestamp: AT })
    const args = { settings: [{ name: 'AuthorizationKey', value: 'S3CRET-S3CRET-S3' }] }
    await site.controller.execute(
      { id: 's', stationId: 'CP1', kind: 'SetSettings', args, issuedAt: AT, expiresAt: AT },
      10_000,
    )
    await station.close()

    const starts = await ask({ action: 'StartTransaction', limit: 10 })
    expect(words(starts as LoggedMessage[])).toEqual([
      'out StartTransaction',
      'in StartTransaction',
      'out StartTransaction',
      'in StartTransaction',
    ])
    const ofSession = (await ask({ sessionId: second!.sessionId!, limit: 10 })) as LoggedMessage[]
    expect(words(ofSession)).toEqual([
      'out StopTransaction',
      'in StopTransaction',
      'out StartTransaction',
      'in StartTransaction',
    ])
    expect(JSON.stringify(ofSession)).not.toContain('ONE')
    const early = (await ask({ toMs: Date.parse(AT) + 60_000, limit: 10 })) as LoggedMessage[]
    expect(words(early.slice(-2))).toEqual(['out BootNotification', 'in BootNotification'])
    expect(JSON.stringify(early)).not.toContain('TWO')
    const password = (await ask({ action: 'ChangeConfiguration', limit: 200 })) as LoggedMessage[]
    expect(JSON.stringify(password)).toContain('[redacted]')
    expect(JSON.stringify(await ask({ limit: 200 }))).not.toContain('S3CRET')

    expect(await ask({ sessionId: 'gone', limit: 10 })).toMatchObject({ error: { code: 'UnknownSession' } })
    expect(await ask({ limit: 0 })).toMatchObject({ error: { code: 'InvalidArguments' } })
    expect(await ask({ limit: 1 }, 'CP2')).toMatchObject({ error: { code: 'UnknownStation' } })
  })
})
