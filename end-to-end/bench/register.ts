/** Sites made over the API, and the passwords by which they come in at the broker. */
import { type Api, ApiError } from '../src/api.ts'

/** So many at a time. */
const REGISTER_AT_ONCE = 8
/** How often a credential is asked for that did not come with its site, on a machine that has other work. */
const MOST_ATTEMPTS = 5

interface Credential {
  password: string
}

export async function registerSites(api: Api, siteIds: readonly string[]): Promise<Map<string, string>> {
  const passwords = new Map<string, string>()
  const left = [...siteIds]
  const one = async (): Promise<void> => {
    for (let siteId = left.pop(); siteId !== undefined; siteId = left.pop()) {
      const { password } = await api
        .post<{ mqtt: Credential }>('/api/v1/sites', { siteId })
        .then((it) => it.mqtt)
        .catch((error) => again(error, api, siteId))
      passwords.set(siteId, password)
    }
  }
  await Promise.all(Array.from({ length: REGISTER_AT_ONCE }, one))
  return passwords
}

/** As the answer says: a site that was made without its credential is asked for one. */
async function again(error: unknown, api: Api, siteId: string): Promise<Credential> {
  for (let attempt = 1; ; attempt++) {
    if (!(error instanceof ApiError) || error.status < 503 || attempt > MOST_ATTEMPTS) throw error
    try {
      return await api.post<Credential>(`/api/v1/sites/${siteId}/credentials`, {})
    } catch (failed) {
      error = failed
    }
  }
}
