/** Requests of a site to site-gateway, signed in with the secret that it has at the broker. */

/** Longest wait for an answer, which holds or takes one piece at most. */
const TIMEOUT_MS = 60_000

export interface CloudAccess {
  /** Of site-gateway, e.g. https://csms.example:4001. */
  cloudUrl: string
  siteId: string
  /** The site's secret at the broker. */
  password: string
}

/** site-gateway refused. */
export class Answered extends Error {
  readonly status: number
  constructor(status: number, detail: string) {
    super(`site-gateway answered ${status}: ${detail.slice(0, 200)}`)
    this.status = status
  }
}

/** The body of a 2xx answer; throws Answered with any other, and what fetch throws when there is none. */
export async function askCloud(
  { cloudUrl, siteId, password }: CloudAccess,
  method: 'GET' | 'PUT',
  path: string,
  { body, type, signal }: { body?: string | Buffer; type?: string; signal?: AbortSignal } = {},
): Promise<Buffer> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const response = await fetch(`${cloudUrl.replace(/\/+$/, '')}${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${siteId}:${password}`).toString('base64')}`,
      ...(type === undefined ? {} : { 'content-type': type }),
    },
    redirect: 'error',
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    ...(body === undefined ? {} : { body: body as string }),
  })
  const answer = Buffer.from(await response.arrayBuffer())
  if (!response.ok) throw new Answered(response.status, answer.toString('utf8'))
  return answer
}
