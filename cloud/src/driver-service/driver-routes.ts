/** `/v1/drivers`. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { driverInput, driver as driverShape, page, pageQuery } from '@switchyard/protocol/api/shapes.ts'
import { decodeCursor, pageOf } from '../platform/http/cursor.ts'
import { notFound } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { type DriverRow, findDriver, insertDriver, listDrivers } from './queries.ts'

const list = createRoute({
  method: 'get',
  path: '/v1/drivers',
  summary: 'Drivers, by id',
  request: { query: pageQuery },
  responses: { 200: answers('Drivers', page(driverShape)), ...problems },
})
const create = createRoute({
  method: 'post',
  path: '/v1/drivers',
  summary: 'Registers a driver',
  request: { body: jsonBody(driverInput) },
  responses: { 201: answers('The driver', driverShape), ...problems },
})
const get = createRoute({
  method: 'get',
  path: '/v1/drivers/{driverId}',
  summary: 'A driver',
  request: { params: z.object({ driverId: z.string() }) },
  responses: { 200: answers('The driver', driverShape), ...problems },
})

export function driverRoutes(app: OpenAPIHono<ServiceEnv>, { sql, clock, random }: ServiceContext): void {
  app.openapi(list, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listDrivers(sql, c.get('tenantId'), decodeCursor(cursor, 'text')?.[0], limit + 1)
    return c.json(
      pageOf(rows, limit, resource, (row) => [row.driver_id]),
      200,
    )
  })

  app.openapi(create, async (c) => {
    const { name, email = null } = c.req.valid('json')
    const driverId = random.uuid()
    const createdAt = new Date(clock.now())
    await insertDriver(sql, { driverId, tenantId: c.get('tenantId'), name, email, createdAt })
    return c.json({ driverId, name, email, createdAt: createdAt.toISOString() }, 201)
  })

  app.openapi(get, async (c) => {
    const { driverId } = c.req.valid('param')
    const row = await findDriver(sql, c.get('tenantId'), driverId)
    if (row === undefined) throw notFound(`There is no driver ${driverId}`)
    return c.json(resource(row), 200)
  })
}

function resource(row: DriverRow) {
  return {
    driverId: row.driver_id,
    name: row.name,
    email: row.email,
    createdAt: row.created_at.toISOString(),
  }
}
