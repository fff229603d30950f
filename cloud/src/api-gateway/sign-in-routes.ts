/** Sign in and out, and who one is. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { hash, verify } from '@node-rs/argon2'
import { peerAddress } from '../platform/http/peer-address.ts'
import { ProblemError } from '../platform/http/problem.ts'
import { answers, jsonBody, problems } from '../platform/http/responses.ts'
import type { ServiceContext } from '../platform/service.ts'
import { type GatewayEnv, sameOrigin } from './authenticate.ts'
import { clearCookie, readCookie, SIGN_IN_MS, writeCookie } from './cookie.ts'
import type { KnownPrincipals } from './known-principals.ts'
import { deleteSignIn, findOperator, insertSignIn } from './queries.ts'
import { hashSecret, mintCookie } from './secrets.ts'
import { beginSignIn } from './sign-in-limit.ts'

const signInInput = z.strictObject({
  email: z.string().min(1).max(320),
  password: z.string().min(1).max(256),
})
const me = z
  .object({ kind: z.enum(['api-key', 'operator']), name: z.string(), tenantId: z.string() })
  .meta({ id: 'Me' })

const signInRoute = createRoute({
  method: 'post',
  path: '/api/v1/sign-in',
  summary: 'Sign in an operator; answers with an HttpOnly cookie',
  security: [],
  request: { body: jsonBody(signInInput) },
  responses: { 200: answers('Signed in', me), ...problems },
})
const signOutRoute = createRoute({
  method: 'post',
  path: '/api/v1/sign-out',
  summary: 'End the sign-in of the cookie',
  security: [],
  responses: { 204: { description: 'Signed out' }, ...problems },
})
export const meRoute = createRoute({
  method: 'get',
  path: '/api/v1/me',
  summary: 'On whose behalf this request comes',
  responses: { 200: answers('The caller', me), ...problems },
})

export function signInRoutes(
  app: OpenAPIHono<GatewayEnv>,
  { sql, bus, clock, random, config, log }: ServiceContext,
  known: KnownPrincipals,
): void {
  const secure = config.nodeEnv === 'production'
  // verified against when there is no such operator, so that the answer takes as long
  const nobody = hash(random.bytes(16).toString('hex'))

  app.openapi(signInRoute, async (c) => {
    const { email, password } = c.req.valid('json')
    if (c.req.header('origin') !== undefined) sameOrigin(c.req.header('origin'), c.req.header('host'))
    const address = peerAddress(c, config.trustedProxies)
    const account = email.toLowerCase()
    const attempt = await beginSignIn(bus, address, account)
    const operator = await findOperator(sql, email)
    const right = await verify(operator?.passwordHash ?? (await nobody), password)
    if (!operator || !right) {
      log.warn({ operator: account, address }, 'a sign-in failed')
      throw new ProblemError(401, 'E-mail or password is wrong')
    }
    await attempt.succeeded()
    const now = clock.now()
    const cookie = mintCookie(random)
    await insertSignIn(
      sql,
      hashSecret(cookie),
      operator.operatorId,
      new Date(now),
      new Date(now + SIGN_IN_MS),
    )
    writeCookie(c, cookie, secure)
    return c.json({ kind: 'operator' as const, name: operator.email, tenantId: operator.tenantId }, 200)
  })

  app.openapi(signOutRoute, async (c) => {
    const cookie = readCookie(c)
    if (cookie !== undefined) {
      sameOrigin(c.req.header('origin'), c.req.header('host'))
      const hash = hashSecret(cookie)
      if (await deleteSignIn(sql, hash)) await known.forget(hash)
    }
    clearCookie(c, secure)
    return c.body(null, 204)
  })
}
