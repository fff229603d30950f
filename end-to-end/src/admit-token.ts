/** A token that the site knows before anything happens: a card that it cannot know is refused there, and its session goes to review. */
import { eventually } from './process.ts'
import type { System } from './system.ts'

/** Entered after the token itself: once the site has applied twice what came since, it has the first of the two for sure. */
const LATER = 'ENTERED-LATER'

export async function admitToken({ api, siteId }: System, idToken: string): Promise<void> {
  const applied = async (): Promise<number> => {
    const path = `/api/v1/sites/${siteId}/documents`
    const { items } = await api.get<{ items: { name: string; applied: number | null }[] }>(path)
    return items.find((it) => it.name === 'tokens')?.applied ?? 0
  }
  for (const it of [idToken, LATER]) {
    const before = await applied()
    await api.post('/api/v1/tokens', { idToken: it, type: 'ISO14443', valid: true })
    await eventually('tokens to come down to the site', async () => (await applied()) > before)
  }
}
