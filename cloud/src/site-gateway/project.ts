/** Facts that the gateway acts on: commands and documents to keep and send, and what sites say of them. */
import { oneByOne, type Projection } from '../platform/event-log/entry.ts'
import type { Commands } from './commands.ts'
import type { Documents } from './documents.ts'
import { held, rejected } from './documents-at-site.ts'

/** What there is to send after. `applied`: a newer version may have waited for the one before to arrive. */
const DESIRED = new Set(['document.published', 'document.announced', 'document.applied'])

export function createProjection(
  generation: string,
  commands: Commands,
  documents: Documents,
  sendCommands: (siteIds: string[]) => void,
  sendDocuments: () => void,
): Projection {
  return {
    consumer: 'site-gateway',
    kinds: [
      'site.registered',
      'command.requested',
      'command.outcome',
      'document.published',
      'document.announced',
      'document.applied',
      'document.rejected',
    ],
    apply: oneByOne(async (tx, entry, read) => {
      const { siteId, tenantId } = entry
      // A fenced lane says nothing about what the site has.
      if (entry.journal && !entry.journal.authority && read.kind !== 'command.outcome') return
      switch (read.kind) {
        case 'site.registered':
          await tx`
            insert into site_gateway.site (site_id, tenant_id, direct)
            values (${siteId}, ${tenantId}, ${read.data.connection === 'direct'})
            on conflict (site_id) do update set direct = excluded.direct where site.tenant_id = excluded.tenant_id`
          return
        case 'command.requested':
          if (siteId !== null) await commands.keep(tx, siteId, tenantId, read.data.command)
          return
        case 'command.outcome':
          if (siteId !== null) await commands.settled(tx, siteId, read.data.commandId)
          return
        case 'document.published': {
          const { name, version, sha256, body } = read.data
          // Of an earlier life of the log: its service publishes it again in this one.
          if (version.generation !== generation) return
          await documents.keep(tx, {
            tenantId,
            siteId,
            name,
            version,
            sha256,
            body,
            form: 0,
            owner: null,
            position: entry.position,
          })
          return
        }
        case 'document.announced': {
          const { name, version, digest, form, owner } = read.data
          const about = { tenantId, siteId, name, version, form, owner, position: entry.position }
          await documents.keep(tx, { ...about, sha256: digest, body: null })
          return
        }
        case 'document.applied':
        case 'document.rejected': {
          if (siteId === null) return
          const { name, generation, n } = read.data
          const say = read.kind === 'document.applied' ? held : rejected
          await say(tx, siteId, name, { generation, n })
          return
        }
      }
    }),
    committed(entries) {
      const sites = entries.filter((it) => it.kind === 'command.requested').flatMap((it) => it.siteId ?? [])
      if (sites.length > 0) sendCommands([...new Set(sites)])
      if (entries.some((it) => DESIRED.has(it.kind))) sendDocuments()
    },
  }
}
