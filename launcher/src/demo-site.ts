import { existsSync } from 'node:fs'
import { localTimeZone, SITE_ID } from './environment.ts'
import { writeSecret } from './secrets.ts'

const REQUEST_TIMEOUT_MS = 10_000

/**
 * Creates the site at the first start, through the public API as any user would. Its MQTT credential is told once and kept
 * in `passwordFile`; where that exists the site does too.
 */
export async function ensureDemoSite(apiUrl: string, apiKey: string, passwordFile: string): Promise<void> {
  if (existsSync(passwordFile)) return
  const response = await fetch(`${apiUrl}/api/v1/sites`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ siteId: SITE_ID, name: 'Demo site', timeZone: localTimeZone() }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const text = await response.text()
  if (!response.ok)
    throw new Error(`The demo site could not be created: ${response.status} ${text.slice(0, 500)}`)
  const { mqtt } = JSON.parse(text) as { mqtt: { password: string } }
  writeSecret(passwordFile, mqtt.password)
}
