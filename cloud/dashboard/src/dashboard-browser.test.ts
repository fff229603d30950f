/**
 * The dashboard in a real Chromium against a running system. SWITCHYARD_URL, SWITCHYARD_EMAIL and SWITCHYARD_PASSWORD say
 * which; without them it is skipped. The browser is CHROMIUM_BIN, else /usr/bin/chromium.
 */
import { existsSync, readFileSync } from 'node:fs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

const {
  SWITCHYARD_URL: url = '',
  SWITCHYARD_EMAIL: email = '',
  SWITCHYARD_PASSWORD: password = '',
  CHROMIUM_BIN: chromiumPath = '/usr/bin/chromium',
} = process.env

const missing = [
  ...(url ? [] : ['SWITCHYARD_URL']),
  ...(email ? [] : ['SWITCHYARD_EMAIL']),
  ...(password ? [] : ['SWITCHYARD_PASSWORD']),
  ...(existsSync(chromiumPath) ? [] : [`a browser at ${chromiumPath} (CHROMIUM_BIN)`]),
]

const STATIONS = 6
/** A simulated car arrives, plugs in and draws power within this; bounds against hanging, no measure. */
const UNTIL_CHARGING_MS = 300_000
const WIDTHS = { desktop: { width: 1280, height: 860 }, phone: { width: 375, height: 760 } }
const PAGES = [
  '/',
  '/stations',
  '/sessions',
  '/reviews',
  '/tokens',
  '/tariffs',
  '/invoices',
  '/rollouts',
  '/alerts',
]

describe.skipIf(missing.length > 0)(
  `dashboard in Chromium${missing.length > 0 ? ` (not given: ${missing.join(', ')})` : ''}`,
  () => {
    let browser: Browser
    const contexts: BrowserContext[] = []

    beforeAll(async () => {
      browser = await chromium.launch({
        executablePath: chromiumPath,
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      })
    })
    afterEach(async () => {
      for (const context of contexts.splice(0)) await context.close()
    })
    afterAll(async () => {
      await browser?.close()
    })

    /** A page after the sign-in, in a browser far from the site's zone, with everything that its console complained of. */
    async function signedIn(
      viewport: { width: number; height: number },
      colorScheme: 'light' | 'dark' = 'light',
    ) {
      const context = await browser.newContext({ viewport, colorScheme, timezoneId: 'Pacific/Auckland' })
      contexts.push(context)
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      await page.goto(new URL('/sign-in', url).href)
      await page.getByLabel('E-mail').fill(email)
      await page.getByRole('textbox', { name: 'Password' }).fill(password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByText('Live', { exact: true }).waitFor()
      return { page, context, complaints }
    }

    async function open(page: Page, path: string): Promise<void> {
      await page.goto(new URL(path, url).href)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.getByRole('status', { name: 'Loading' }).first().waitFor({ state: 'detached' })
      await page.getByText('Live', { exact: true }).waitFor()
    }

    /** A picture may move the row away from under the pointer: then a person clicks again. */
    async function openStation(page: Page, which: 'first' | 'last'): Promise<void> {
      await expect
        .poll(
          async () => {
            await page.getByRole('table').getByRole('link')[which]().click({ timeout: 5_000 })
            await page.waitForURL('**/stations/*', { timeout: 10_000 })
            return true
          },
          { timeout: 60_000 },
        )
        .toBe(true)
    }

    async function overflow(page: Page): Promise<number> {
      return await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
    }

    test('a wrong password is refused in words', async () => {
      const context = await browser.newContext({ viewport: WIDTHS.desktop })
      contexts.push(context)
      const page = await context.newPage()
      await page.goto(new URL('/sessions?status=ended', url).href)
      await page.getByLabel('E-mail').fill(email)
      await page.getByRole('textbox', { name: 'Password' }).fill(`${password}-wrong`)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').getByText('E-mail or password is wrong').waitFor()
      // the place that was asked for is kept for after the sign-in
      expect(decodeURIComponent(page.url())).toContain('to=/sessions?status=ended')
    })

    test('the site is live: six stations, and the energy of a running session moves', async () => {
      const { page, context, complaints } = await signedIn(WIDTHS.desktop)
      await expect.poll(() => page.locator('[data-station]').count(), { timeout: 60_000 }).toBe(STATIONS)
      await page.getByText('Online', { exact: true }).waitFor()

      const energy = page.locator('[data-station] [data-figure="energy"]')
      /** What each running session shows, by the address of the session. */
      const figures = (): Promise<[string, number][]> =>
        energy.evaluateAll((all) =>
          all.map((figure): [string, number] => [
            figure.closest('a')?.getAttribute('href') ?? '',
            Number.parseFloat((figure.textContent ?? '').replaceAll('\u202f', '')),
          ]),
        )
      const before = new Map<string, number>()
      await expect
        .poll(
          async () =>
            (await figures()).some(([session, kwh]) => {
              const first = before.get(session)
              if (first === undefined && Number.isFinite(kwh)) before.set(session, kwh)
              return first !== undefined && kwh > first
            }),
          { timeout: UNTIL_CHARGING_MS, interval: 500 },
        )
        .toBe(true)

      // no secret where a script or a log could read it
      expect(page.url()).not.toContain(password)
      const readable = await page.evaluate(() => ({ cookie: document.cookie, stored: { ...localStorage } }))
      expect(readable.cookie).toBe('')
      expect(JSON.stringify(readable.stored)).not.toContain(password)
      expect((await context.cookies()).every((cookie) => cookie.httpOnly)).toBe(true)
      expect(complaints).toEqual([])
    }, 420_000)

    for (const [name, viewport] of Object.entries(WIDTHS)) {
      test(`every page fits at ${name} width, with a title and no complaint`, async () => {
        const { page, complaints } = await signedIn(viewport, name === 'phone' ? 'dark' : 'light')
        for (const path of PAGES) {
          await open(page, path)
          expect({ path, overflow: await overflow(page) }).toEqual({ path, overflow: 0 })
          expect(await page.title()).toMatch(/^.+ · Switchyard$/)
        }
        await open(page, '/stations')
        await openStation(page, 'first')
        await page.getByRole('heading', { name: 'Commands' }).waitFor({ timeout: 60_000 })
        expect(await overflow(page)).toBe(0)
        expect(complaints).toEqual([])
      }, 180_000)
    }

    test('a station that waits for approval is approved on its page', async () => {
      const { page } = await signedIn(WIDTHS.desktop)
      await open(page, '/stations')
      await openStation(page, 'last')
      await page.getByRole('heading', { name: 'Commands' }).waitFor()
      const stationId = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1)!)
      const answer = await page.request.patch(new URL(`/api/v1/stations/${stationId}`, url).href, {
        data: { approved: false },
        headers: { origin: new URL(url).origin },
      })
      expect(answer.status()).toBe(200)
      await page.reload()
      await page.getByRole('button', { name: 'Approve' }).click()
      await page.getByText('Approved', { exact: true }).waitFor()
      await page.reload()
      await page.getByText('Approved', { exact: true }).waitFor()
    })

    test('the review queue shows what waits, and what was settled', async () => {
      const { page, complaints } = await signedIn(WIDTHS.desktop)
      await page.getByRole('navigation').getByRole('link', { name: 'Review' }).click()
      await page.getByRole('heading', { level: 1, name: 'Review' }).waitFor()
      const waiting = page.getByRole('table', { name: 'Sessions that wait' })
      await waiting.or(page.getByText('Nothing waits')).waitFor()
      await page.getByText('Settled', { exact: true }).click()
      const settled = page.getByRole('table', { name: 'Settled sessions' })
      await settled.or(page.getByText('Nothing was settled yet')).waitFor()
      expect(new URL(page.url()).search).toBe('?status=settled')
      await open(page, '/reviews/none')
      await page.getByRole('alert').getByText('There is no review of a session none').waitFor()
      // The browser itself complains of the 404, and nothing else.
      expect(complaints.filter((it) => !it.includes('404'))).toEqual([])
    })

    test('a roll-out is begun in the dialog, halts by itself with a reason, and is cancelled', async () => {
      const { page, complaints } = await signedIn(WIDTHS.desktop)
      await open(page, '/rollouts')
      await page.getByRole('button', { name: 'Begin a roll-out…' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('Address').fill('http://192.0.2.1/firmware.bin')
      await dialog.getByLabel('Version').fill('99.1')
      await dialog.getByLabel('Name').fill('From the dashboard')
      // Nothing says which stations: the API says what is missing, and nothing is begun.
      await dialog.getByRole('button', { name: 'Begin' }).click()
      await dialog.getByRole('alert').getByText('names nothing to choose by').waitFor()
      await dialog.getByLabel('Vendor').fill('Switchyard')
      await dialog.getByLabel('Do not wait for running sessions to end').check()
      await dialog.getByRole('button', { name: 'Begin' }).click()
      await page.getByRole('heading', { level: 1, name: 'From the dashboard' }).waitFor()
      // Simulated stations take no firmware; the first of the site says so, and no other is asked.
      await page.getByText('Halted', { exact: true }).waitFor({ timeout: 120_000 })
      const stations = page.getByRole('table', { name: 'Stations of the roll-out' })
      // The stations are asked for by themselves, every few seconds.
      await expect.poll(() => stations.getByText('Failed', { exact: true }).count()).toBe(1)
      await expect.poll(() => stations.getByText('Waiting', { exact: true }).count()).toBe(STATIONS - 1)
      expect(await overflow(page)).toBe(0)
      await page.getByRole('button', { name: 'Cancel the roll-out…' }).click()
      await page.getByRole('button', { name: 'Cancel: tell no further station' }).click()
      await page.getByRole('button', { name: 'Go on' }).waitFor({ state: 'detached' })
      await open(page, '/rollouts')
      const row = page.getByRole('row').filter({ hasText: 'From the dashboard' })
      await row.getByText('Cancelled', { exact: true }).waitFor()
      // The browser itself complains of the 422, and nothing else.
      expect(complaints.filter((it) => !it.includes('422'))).toEqual([])
    }, 180_000)

    test('a station shows its settings, its security and its quirks, and its OCPP messages', async () => {
      const { page, complaints } = await signedIn(WIDTHS.phone, 'dark')
      const api = async (method: 'put' | 'patch', path: string, data: unknown) => {
        const answer = await page.request[method](new URL(`/api/v1${path}`, url).href, {
          data,
          headers: { origin: new URL(url).origin },
        })
        expect(answer.status()).toBe(200)
      }
      const stationId = 'CHARGER-01'
      await api('put', `/stations/${stationId}/settings`, { desired: [{ name: 'NoSuchKey', value: '1' }] })
      await api('patch', `/stations/${stationId}`, { assignedQuirks: { 'whole-amps': true } })
      await open(page, `/stations/${stationId}`)
      const wanted = page.getByRole('row').filter({ hasText: 'NoSuchKey' })
      await wanted.getByText('Drift', { exact: true }).waitFor({ timeout: 60_000 })
      await page.getByText('1: basic authentication').waitFor()
      await page.getByRole('button', { name: 'Take back' }).click()
      await page.getByRole('heading', { name: 'Quirks' }).waitFor({ state: 'detached' })

      await page.getByRole('button', { name: 'New password…' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click()
      const sent = page.getByRole('list', { name: 'Commands sent from this page' })
      await sent.getByText(/Accepted|Refused|Failed/).waitFor({ timeout: 60_000 })

      await page.getByRole('link', { name: 'OCPP messages' }).click()
      await page.getByRole('heading', { level: 1, name: 'OCPP messages' }).waitFor()
      await page.getByLabel('Action').fill('BootNotification')
      await page.getByRole('button', { name: 'Show' }).click()
      await page.waitForURL('**/messages?action=BootNotification')
      await page.getByText('"vendorName"').or(page.getByText('"chargePointVendor"')).first().waitFor()
      expect(await page.getByText('MeterValues').count()).toBe(0)
      expect(await overflow(page)).toBe(0)
      const saving = page.waitForEvent('download')
      await page.getByRole('link', { name: 'Save as transcript' }).click()
      const lines = readFileSync(await (await saving).path(), 'utf8')
        .trim()
        .split('\n')
      expect(JSON.parse(lines[0]!)).toMatchObject({ transcript: 1, version: '1.6', station: stationId })
      expect(lines.length).toBeGreaterThan(2)
      expect(complaints).toEqual([])
      await api('put', `/stations/${stationId}/settings`, { desired: [] })
    }, 180_000)

    test('the menu of a phone opens by keyboard, and leads on', async () => {
      const { page } = await signedIn(WIDTHS.phone)
      await page.getByRole('button', { name: 'Open the menu' }).press('Enter')
      await page.getByRole('navigation').getByRole('link', { name: 'Sessions' }).press('Enter')
      await page.getByRole('heading', { level: 1, name: 'Sessions' }).waitFor()
      expect(await page.getByRole('navigation').isVisible()).toBe(false)
    })

    test('signing out closes the door', async () => {
      const { page } = await signedIn(WIDTHS.desktop)
      await page.getByRole('button', { name: /^Sign out/ }).click()
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      await page.goto(new URL('/stations', url).href)
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
    })
  },
)
