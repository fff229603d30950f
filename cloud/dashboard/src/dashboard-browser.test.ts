/**
 * The dashboard in a real Chromium against a running system. SWITCHYARD_URL, SWITCHYARD_EMAIL and SWITCHYARD_PASSWORD say
 * which; without them it is skipped. The browser is CHROMIUM_BIN, else /usr/bin/chromium.
 */
import { existsSync } from 'node:fs'
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
const PAGES = ['/', '/stations', '/sessions', '/reviews', '/tokens', '/tariffs', '/invoices', '/alerts']

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
        // A picture may move the row away from under the pointer: then a person clicks again.
        await expect
          .poll(
            async () => {
              await page.getByRole('table').getByRole('link').first().click({ timeout: 5_000 })
              await page.waitForURL('**/stations/*', { timeout: 10_000 })
              return true
            },
            { timeout: 60_000 },
          )
          .toBe(true)
        await page.getByRole('heading', { name: 'Commands' }).waitFor({ timeout: 60_000 })
        expect(await overflow(page)).toBe(0)
        expect(complaints).toEqual([])
      }, 180_000)
    }

    test('a station that waits for approval is approved on its page', async () => {
      const { page } = await signedIn(WIDTHS.desktop)
      await open(page, '/stations')
      await page.getByRole('table').getByRole('link').last().click()
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
