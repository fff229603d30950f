import { get } from 'node:http'
import { waitUntil } from './wait.ts'

const REQUEST_TIMEOUT_MS = 2_000

/** Waits until every URL answers 200; the error names those that do not, with what they said. */
export async function untilHealthy(
  urls: readonly string[],
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  const said = new Map(urls.map((url) => [url, 'no answer']))
  await waitUntil(
    async () => {
      if (signal.aborted) throw new Error('it ended before it was ready')
      for (const url of [...said.keys()]) {
        const answer = await ask(url)
        if (answer === undefined) said.delete(url)
        else said.set(url, answer)
      }
      return said.size === 0
    },
    deadlineMs,
    () =>
      `not ready within ${deadlineMs / 1000} s: ${[...said].map(([url, answer]) => `${url} (${answer})`).join(', ')}`,
  )
}

/** Undefined when it answers 200, else what it said. */
function ask(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: REQUEST_TIMEOUT_MS }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        if (body.length < 300) body += text
      })
      response.on('error', (error) => resolve(error.message))
      response.on('end', () =>
        resolve(response.statusCode === 200 ? undefined : `${response.statusCode} ${body.slice(0, 300)}`),
      )
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', (error) => resolve(error.message))
  })
}
