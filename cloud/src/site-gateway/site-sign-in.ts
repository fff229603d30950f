/** Sites sign in over HTTP by basic authentication, with the name and secret that they have at the broker. */
import { SITE_ID_PATTERN } from '@switchyard/protocol/site/topics.ts'
import type { Context } from 'hono'
import type { Sql } from 'postgres'
import { invalid, ProblemError } from '../platform/http/problem.ts'
import { isSecretOf } from './credentials.ts'
import type { FileOfSite } from './uploads.ts'

const FILE_ID = /^[0-9a-f-]{36}$/

/** 401 unless the site of the path has shown its secret. */
export async function signedIn(sql: Sql, c: Context): Promise<FileOfSite> {
  const { siteId = '', fileId = '' } = c.req.param()
  const refused = new ProblemError(401, 'The name and the secret of the site are asked for', {}, undefined, {
    'www-authenticate': 'Basic realm="site"',
  })
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]{1,512})$/i.exec(c.req.header('authorization') ?? '') ?? []
  if (encoded === undefined || !SITE_ID_PATTERN.test(siteId)) throw refused
  const given = Buffer.from(encoded, 'base64')
  const colon = given.indexOf(':')
  if (colon < 0 || given.subarray(0, colon).toString('utf8') !== siteId) throw refused
  if (!(await isSecretOf(sql, siteId, given.subarray(colon + 1)))) throw refused
  if (!FILE_ID.test(fileId)) throw invalid([{ path: 'fileId', message: 'is no file id' }])
  const [site] = await sql<{ tenant_id: string }[]>`
    select tenant_id from site_gateway.credential where site_id = ${siteId}`
  if (!site) throw refused
  return { tenantId: site.tenant_id, siteId, fileId }
}
