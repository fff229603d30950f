/** The first key and the first operator, from the configuration. What exists already is left as it is. */
import { hash } from '@node-rs/argon2'
import { DEFAULT_TENANT } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { findOperator, insertApiKey, insertOperator } from './queries.ts'
import { hashSecret } from './secrets.ts'

export async function bootstrap({ config, sql, clock, random, log }: ServiceContext): Promise<void> {
  const { apiKey, operatorEmail, operatorPassword } = config.bootstrap
  const now = new Date(clock.now())
  if (apiKey !== undefined) {
    const key = { id: random.uuid(), tenantId: DEFAULT_TENANT, name: 'bootstrap', hash: hashSecret(apiKey) }
    await insertApiKey(sql, key, now)
  }
  if (operatorEmail !== undefined && operatorPassword !== undefined) {
    if (await findOperator(sql, operatorEmail)) return
    const passwordHash = await hash(operatorPassword)
    const made = await insertOperator(
      sql,
      { operatorId: random.uuid(), tenantId: DEFAULT_TENANT, email: operatorEmail, passwordHash },
      now,
    )
    if (made) log.info({ operator: operatorEmail }, 'the first operator was made')
  }
}
