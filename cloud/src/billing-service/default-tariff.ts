/** What a new installation bills by, until it has tariffs of its own. */
import type { Tariff } from '@switchyard/protocol/pricing/tariff.ts'
import { DEFAULT_TENANT } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { addRevision, assign, lockTariffs } from './tariffs.ts'

export const DEFAULT_TARIFF: Tariff = {
  id: 'default',
  currency: 'EUR',
  elements: [
    {
      price_components: [
        { type: 'ENERGY', price: '0.39', vat: '19', step_size: 1 },
        { type: 'TIME', price: '0.6', vat: '19', step_size: 1 },
        { type: 'FLAT', price: '0.5', vat: '19', step_size: 1 },
      ],
    },
  ],
}

/** Only where the tenant has never had a tariff; one that was deleted does not come back. */
export async function ensureDefaultTariff({ sql, clock, log }: ServiceContext): Promise<void> {
  const tenantId = DEFAULT_TENANT
  const made = await sql.begin(async (tx) => {
    await lockTariffs(tx, tenantId)
    const known = await tx`select 1 from billing.tariff where tenant_id = ${tenantId} limit 1`
    if (known.length > 0) return false
    const validFrom = new Date(clock.now())
    await addRevision(tx, tenantId, DEFAULT_TARIFF, validFrom)
    await assign(tx, {
      tenantId,
      scope: 'default',
      scopeId: '',
      siteId: null,
      tariffId: DEFAULT_TARIFF.id,
      validFrom,
      source: null,
    })
    return true
  })
  if (made) log.info({ tariffId: DEFAULT_TARIFF.id }, 'a first tariff was made')
}
