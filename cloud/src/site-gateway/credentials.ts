/** Secrets with which sites sign in at the broker: made here, told once, kept as a hash. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { conflict } from '../platform/http/problem.ts'
import type { ServiceContext } from '../platform/service.ts'
import type { BrokerAccounts } from './broker/accounts.ts'

/** Entropy of a secret, bytes. */
const SECRET_BYTES = 32

export interface Credentials {
  /** A new secret; the one before stops working. Throws 409 when another tenant has the site, 503 when the broker is away. */
  issue(tenantId: string, siteId: string): Promise<{ username: string; password: string }>
  /** The site can sign in no more. False when it could not. */
  revoke(tenantId: string, siteId: string): Promise<boolean>
}

export function createCredentials(
  { sql, clock, random, config }: Pick<ServiceContext, 'sql' | 'clock' | 'random' | 'config'>,
  accounts: BrokerAccounts,
): Credentials {
  return {
    async issue(tenantId, siteId) {
      if (siteId === config.mqtt.username || siteId === config.mqtt.adminUsername)
        throw conflict(`${siteId} is the cloud's own account at the broker`)
      const [site] = await sql<{ tenant_id: string }[]>`
        insert into site_gateway.site (site_id, tenant_id) values (${siteId}, ${tenantId})
        on conflict (site_id) do update set site_id = excluded.site_id returning tenant_id`
      if (site?.tenant_id !== tenantId) throw conflict(`site ${siteId} is not yours`)
      const password = random.bytes(SECRET_BYTES).toString('base64url')
      await sql`
        insert into site_gateway.credential (site_id, tenant_id, sha256, created_at)
        values (${siteId}, ${tenantId}, ${hashOf(password)}, ${new Date(clock.now())})
        on conflict (site_id) do update set sha256 = excluded.sha256, created_at = excluded.created_at`
      // Last: a broker that is away leaves a hash that nobody knows the secret of, and the caller asks again.
      await accounts.put(siteId, password)
      return { username: siteId, password }
    },
    async revoke(tenantId, siteId) {
      const gone = await sql`
        delete from site_gateway.credential where site_id = ${siteId} and tenant_id = ${tenantId} returning 1`
      if (gone.length === 0) return false
      await accounts.remove(siteId)
      return true
    },
  }
}

export function hashOf(password: string | Buffer): Buffer {
  return createHash('sha256').update(password).digest()
}

/** Whether a password is the site's; false for a site without one. */
export async function isSecretOf(
  sql: ServiceContext['sql'],
  siteId: string,
  password: Buffer,
): Promise<boolean> {
  const [row] = await sql<{ sha256: Buffer }[]>`
    select sha256 from site_gateway.credential where site_id = ${siteId}`
  return row !== undefined && timingSafeEqual(row.sha256, hashOf(password))
}
