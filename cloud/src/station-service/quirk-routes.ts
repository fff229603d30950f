/** `/v1/quirks`: what stations are known to do otherwise than OCPP says; which of it touches one stands with the station. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { type QuirkResource, quirkResource } from '@switchyard/protocol/api/quirks.ts'
import { page } from '@switchyard/protocol/api/shapes.ts'
import { KNOWN_QUIRKS } from '@switchyard/protocol/site/known-quirks.ts'
import { QUIRK_NAMES, QUIRKS, type Quirk } from '@switchyard/protocol/site/quirks.ts'
import { answers, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/quirks',
  summary: 'Quirks of stations: what is done about each, and which stations are known for it',
  description:
    'All of them on one page. An operator says of a station (`assignedQuirks` of `/stations/{stationId}`) or of a model (of `/settings-profiles`) that it has one, or has it not.',
  responses: { 200: answers('Quirks', page(quirkResource)), ...problems },
})

export function quirkRoutes(app: OpenAPIHono<ServiceEnv>): void {
  app.openapi(list, (c) => c.json({ items: QUIRK_NAMES.map(quirkShown), next: null }, 200))
}

function quirkShown(name: Quirk): QuirkResource {
  const known = KNOWN_QUIRKS.filter((it) => it.quirks.includes(name)).map(
    ({ vendor, model = null, firmware, reference }) => {
      const { is, after = null, from = null, before = null } = firmware ?? {}
      return {
        vendor,
        model,
        firmware: firmware ? { is: is ? [...is] : null, after, from, before } : null,
        reference,
      }
    },
  )
  return { name, description: QUIRKS[name], known }
}
