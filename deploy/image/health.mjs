// What an image's health check runs: exit code 0 when HEALTH_URL answers 200 in time, else 1 with a line that says why.
// `/health` says that the process serves; `/ready` also that what it needs is there. Which of them is asked, a deployment says.
import { get } from 'node:http'

const TIMEOUT_MS = 2_000
const url = process.env.HEALTH_URL
if (!url) {
  console.error('HEALTH_URL is not set')
  process.exit(1)
}
const request = get(url, { timeout: TIMEOUT_MS }, (response) => {
  response.resume()
  if (response.statusCode === 200) process.exit(0)
  console.error(`${url} was answered ${response.statusCode}`)
  process.exit(1)
})
request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
request.on('error', (error) => {
  console.error(`${url}: ${error.message}`)
  process.exit(1)
})
