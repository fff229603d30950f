/** `/openapi.json`: the services' own descriptions and the gateway's, as one (OpenAPI 3.1). */
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Clock } from '../platform/clock.ts'
import { DEFAULT_TENANT } from '../platform/http/service-auth.ts'
import type { ServiceClient } from '../platform/http/service-client.ts'
import type { TargetName } from '../platform/service.ts'
import { PUBLIC_TARGETS, targetOf } from './resources.ts'

/** How long a service's description is good for before it is asked again. */
const FRESH_MS = 10_000
const DESCRIPTION_TIMEOUT_MS = 3_000

const description = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()).default({}) }).optional(),
})
type Description = z.infer<typeof description>

export interface DescriptionSource {
  client(target: TargetName): ServiceClient
  clock: Clock
  log: Logger
}

/** Gives the whole; a service that is away is told by what it said last, or is missing. */
export function openApi({ client, clock, log }: DescriptionSource): (own: object) => Promise<object> {
  const known = new Map<TargetName, { at: number; description: Description }>()

  async function ask(target: TargetName): Promise<Description | undefined> {
    const held = known.get(target)
    if (held && clock.mono() - held.at < FRESH_MS) return held.description
    try {
      const read = await client(target).read('/openapi.json', { tenantId: DEFAULT_TENANT }, description, {
        timeoutMs: DESCRIPTION_TIMEOUT_MS,
      })
      known.set(target, { at: clock.mono(), description: read })
      return read
    } catch (error) {
      log.warn({ reason: (error as Error).message, target }, 'a service does not describe itself now')
      return held?.description
    }
  }

  return async (own) => {
    const mine = description.parse(own)
    const paths: Record<string, unknown> = { ...mine.paths }
    const schemas: Record<string, unknown> = { ...mine.components?.schemas }
    for (const target of PUBLIC_TARGETS) {
      const theirs = await ask(target)
      if (!theirs) continue
      for (const [path, item] of Object.entries(theirs.paths)) {
        if (path.startsWith('/v1/') && targetOf(path.slice('/v1/'.length)) === target)
          paths[`/api${path}`] = item
      }
      Object.assign(schemas, theirs.components?.schemas)
    }
    return {
      openapi: '3.1.0',
      info: {
        title: 'Switchyard',
        version: '1',
        description:
          'Lists are `{items, next}`; `next` is an opaque cursor or null. Instants are RFC 3339 in UTC, energy is `energyWh` with at most three decimals. Errors are problem+json (RFC 9457). POST takes an `Idempotency-Key`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      security: [{ apiKey: [] }, { cookie: [] }],
      paths,
      components: {
        schemas,
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer' },
          cookie: { type: 'apiKey', in: 'cookie', name: 'switchyard_session' },
        },
      },
    }
  }
}
