/** `/site/{siteId}/uploads`: where sites bring files, signed in with the secret that they have at the broker. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { PIECE_BYTES, uploadOffer } from '@switchyard/protocol/site/file.ts'
import { SITE_ID_PATTERN } from '@switchyard/protocol/site/topics.ts'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import {
  invalid,
  ProblemError,
  problemResponse,
  unavailable,
  validationErrors,
} from '../platform/http/problem.ts'
import type { ServiceEnv } from '../platform/http/service-auth.ts'
import type { ServiceContext } from '../platform/service.ts'
import { isSecretOf } from './credentials.ts'
import type { FileOfSite, Uploads } from './uploads.ts'

/** Pieces that are in memory at once; further ones are answered 503, and come again. */
const MAX_PIECES = 16
/** An offer. */
const MAX_OFFER_BYTES = 4_096
const FILE_ID = /^[0-9a-f-]{36}$/

export function uploadRoutes(
  app: OpenAPIHono<ServiceEnv>,
  { sql }: Pick<ServiceContext, 'sql'>,
  uploads: Uploads,
): void {
  let pieces = 0

  const atMost = (maxSize: number) =>
    bodyLimit({
      maxSize,
      onError: (c) =>
        problemResponse(c, new ProblemError(413, `This takes at most ${maxSize} bytes`).problem),
    })

  app.put('/site/:siteId/uploads/:fileId', atMost(MAX_OFFER_BYTES), async (c) => {
    const file = await signedIn(c)
    const offer = uploadOffer.safeParse(await c.req.json().catch(() => undefined))
    if (!offer.success) throw invalid(validationErrors(offer.error))
    return c.json(await uploads.offer(file, offer.data), 200)
  })

  app.put(
    '/site/:siteId/uploads/:fileId/:offset{[0-9]{1,12}}',
    async (c, next) => {
      // Before the body is read.
      await signedIn(c)
      if (pieces >= MAX_PIECES) throw unavailable(`${MAX_PIECES} pieces are being taken`)
      pieces++
      try {
        await next()
      } finally {
        pieces--
      }
    },
    atMost(PIECE_BYTES),
    async (c) => {
      const file = await signedIn(c)
      const body = Buffer.from(await c.req.arrayBuffer())
      return c.json(await uploads.piece(file, Number(c.req.param('offset')), body), 200)
    },
  )

  /** 401 unless the site of the path has shown its secret. */
  async function signedIn(c: Context): Promise<FileOfSite> {
    const { siteId = '', fileId = '' } = c.req.param()
    const refused = new ProblemError(
      401,
      'The name and the secret of the site are asked for',
      {},
      undefined,
      {
        'www-authenticate': 'Basic realm="site"',
      },
    )
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
}
