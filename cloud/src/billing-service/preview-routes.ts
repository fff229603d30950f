/** `/v1/bill-previews`: what a session would be billed, for station-service to show to who reviews it. Not public, and changes nothing. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { type BillPreview, billPreview, billPreviewInput } from '@switchyard/protocol/api/reviews.ts'
import { impossible, NO_TARIFF, OVERLAP } from '@switchyard/protocol/billing/settle.ts'
import { price } from '@switchyard/protocol/pricing/price.ts'
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import { apiEnergyWh } from '@switchyard/protocol/units.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { type CdrRow, cdrResource } from './cdrs.ts'
import { type Before, lookBack, lookUp, overlapping } from './known-session.ts'

const preview = createRoute({
  method: 'post',
  path: '/v1/bill-previews',
  summary: 'What a session would be billed, and what stands against it',
  request: { body: jsonBody(billPreviewInput) },
  responses: { 200: answers('The bill', billPreview), ...problems },
})

export function previewRoutes(app: OpenAPIHono<ServiceEnv>, { sql }: ServiceContext): void {
  app.openapi(preview, async (c) => {
    const { energyMilliWh, ...told } = c.req.valid('json')
    const bill = energyMilliWh === undefined ? told : { ...told, energyMilliWh }
    const ref = { ...told, tenantId: c.get('tenantId'), trace: null }
    const shown = await sql.begin(async (tx) => {
      const { payable } = await lookBack(tx, ref)
      const { tariff } = await lookUp(tx, ref, bill, payable)
      const wrong = impossible(bill)
      const others = wrong.length === 0 ? await overlapping(tx, ref, bill) : []
      return previewOf({ bill, payable, wrong, others, tariff })
    })
    return c.json(shown, 200)
  })
}

function previewOf({
  bill,
  payable,
  wrong,
  others,
  tariff,
}: {
  bill: { startedAt: string; endedAt: string; durationMs: number; energyMilliWh?: number }
  payable: Before['payable']
  wrong: string[]
  others: CdrRow[]
  tariff: Tariff | undefined
}): BillPreview {
  const { energyMilliWh = 0 } = bill
  const costDetails =
    wrong.length > 0 || tariff === undefined ? null : price(tariff, { ...bill, energyMilliWh })
  return {
    cost: costDetails && tariff ? { amount: costDetails.inclTax, currency: tariff.currency } : null,
    costDetails,
    against: [
      ...wrong,
      ...(others.length > 0 ? [OVERLAP] : []),
      ...(wrong.length === 0 && tariff === undefined ? [NO_TARIFF] : []),
    ],
    overlapping: others.map((row) => ({
      cdrId: row.cdr_id,
      sessionId: row.session_id,
      startedAt: row.started_at.toISOString(),
      endedAt: row.ended_at.toISOString(),
      energyWh: apiEnergyWh(row.energy_milli_wh),
    })),
    payable: payable ? { cdrId: payable.cdr_id, cost: cdrResource(payable).cost } : null,
  }
}
