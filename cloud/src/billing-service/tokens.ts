/** Whose a token is, as driver-service tells it: for the driver of a CDR. */
import type { TransactionSql } from 'postgres'
import type { Reading } from '../platform/event-log/entry.ts'
import { storable } from '../platform/event-log/storable.ts'

/** Facts `token.changed` of one log partition, in which a tenant's tokens are all told; of one token the newest counts. */
export async function takeTokens(tx: TransactionSql, readings: readonly Reading[]): Promise<void> {
  const told = readings.flatMap(({ entry, read }) => {
    const fact = storable(read)
    return fact.kind === 'token.changed' ? { entry, data: fact.data } : []
  })
  await tx`
    insert into billing.token as t (tenant_id, id_token_key, type, driver_id, position)
    select distinct on (tenant_id, upper(id_token), type) tenant_id, upper(id_token), type, driver_id, position
      from unnest(${told.map((it) => it.entry.tenantId)}::text[], ${told.map((it) => it.data.idToken)}::text[],
                  ${told.map((it) => it.data.type)}::text[], ${told.map((it) => it.data.driverId)}::text[],
                  ${told.map((it) => it.entry.position)}::bigint[]) as told(tenant_id, id_token, type, driver_id, position)
     order by tenant_id, upper(id_token), type, position desc
    on conflict (tenant_id, id_token_key, type) do update set
      driver_id = excluded.driver_id, position = excluded.position
    where t.position < excluded.position`
}
