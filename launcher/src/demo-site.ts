import { existsSync } from 'node:fs'
import { localTimeZone, SITE_ID } from './environment.ts'
import { writeSecret } from './secrets.ts'

const REQUEST_TIMEOUT_MS = 10_000
const CONFLICT = 409

/**
 * Creates the site at the first start, through the public API as any user would. Its MQTT credential is told once and kept
 * in `passwordFile`; where that exists the site does too. Where only the site exists (a start was killed in between, or the
 * database is an older one of the user's own) it gets a new credential.
 */
export async function ensureDemoSite(
  apiUrl: string,
  apiKey: string,
  passwordFile: string,
  say: (line: string) => void,
): Promise<void> {
  if (existsSync(passwordFile)) return
  const site = { siteId: SITE_ID, name: 'Demo site', timeZone: localTimeZone() }
  const created = await post(`${apiUrl}/api/v1/sites`, apiKey, site)
  if (created.status !== CONFLICT) {
    const { mqtt } = created.read() as { mqtt: { password: string } }
    writeSecret(passwordFile, mqtt.password)
    return
  }
  say(`The site "${SITE_ID}" is in the database already: giving it a new credential`)
  const renewed = await post(`${apiUrl}/api/v1/sites/${SITE_ID}/credentials`, apiKey, {})
  writeSecret(passwordFile, (renewed.read() as { password: string }).password)
}

async function post(
  url: string,
  apiKey: string,
  body: object,
): Promise<{ status: number; read: () => unknown }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const text = await response.text()
  return {
    status: response.status,
    read: () => {
      if (!response.ok)
        throw new Error(`The demo site could not be created: ${response.status} ${text.slice(0, 500)}`)
      return JSON.parse(text)
    },
  }
}
