/** `/api/v1/services`: whether every target answers, and which replica did. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { page, serviceStatus } from '@switchyard/protocol/api/shapes.ts'
import { answers, problems } from '../platform/http/responses.ts'
import { type ServiceContext, TARGETS, type TargetName } from '../platform/service.ts'
import type { GatewayEnv } from './authenticate.ts'

/** Longest that a target may take to say that it is well. */
const HEALTH_TIMEOUT_MS = 2_000
const health = z.object({ instance: z.string() })

const route = createRoute({
  method: 'get',
  path: '/api/v1/services',
  summary: 'Health of every target',
  responses: { 200: answers('One item per target', page(serviceStatus)), ...problems },
})

export function serviceRoutes(app: OpenAPIHono<GatewayEnv>, { client }: ServiceContext): void {
  app.openapi(route, async (c) => {
    const look = async (name: TargetName) => {
      const service = client(name)
      try {
        const { instance } = await service.read('/health', { tenantId: c.get('tenantId') }, health, {
          timeoutMs: HEALTH_TIMEOUT_MS,
        })
        return { name, status: 'ok' as const, instance, url: service.url, error: null }
      } catch (error) {
        return {
          name,
          status: 'down' as const,
          instance: null,
          url: service.url,
          error: (error as Error).message,
        }
      }
    }
    return c.json({ items: await Promise.all(TARGETS.map(look)), next: null }, 200)
  })
}
