/** A token that the site knows before anything happens: a card that it cannot know is refused there, and its session goes to review. */
import { eventually } from './process.ts'
import type { System } from './system.ts'

export async function admitToken({ api, siteId }: System, idToken: string): Promise<void> {
  const tokens = async () => {
    const { items } = await api.get<{
      items: { name: string; published: number | null; applied: number | null }[]
    }>(`/api/v1/sites/${siteId}/documents`)
    return items.find((it) => it.name === 'tokens')
  }
  const before = (await tokens())?.published ?? 0
  await api.post('/api/v1/tokens', { idToken, type: 'ISO14443', valid: true })
  await eventually('the token to have come down to the site', async () => {
    const held = await tokens()
    return (held?.published ?? 0) > before && held?.applied === held?.published
  })
}
