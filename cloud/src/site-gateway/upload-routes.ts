/** `/site/{siteId}/uploads`: where sites bring files, signed in with the secret that they have at the broker. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { PIECE_BYTES, uploadOffer } from '@switchyard/protocol/site/file.ts'
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
import { signedIn } from './site-sign-in.ts'
import type { Uploads } from './uploads.ts'

/** Pieces that are in memory at once; further ones are answered 503, and come again. */
const MAX_PIECES = 16
/** An offer. */
const MAX_OFFER_BYTES = 4_096

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
    const file = await signedIn(sql, c)
    const offer = uploadOffer.safeParse(await c.req.json().catch(() => undefined))
    if (!offer.success) throw invalid(validationErrors(offer.error))
    return c.json(await uploads.offer(file, offer.data), 200)
  })

  app.put(
    '/site/:siteId/uploads/:fileId/:offset{[0-9]{1,12}}',
    async (c, next) => {
      // Before the body is read.
      await signedIn(sql, c)
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
      const file = await signedIn(sql, c)
      const body = Buffer.from(await c.req.arrayBuffer())
      return c.json(await uploads.piece(file, Number(c.req.param('offset')), body), 200)
    },
  )
}
