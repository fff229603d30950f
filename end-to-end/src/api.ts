/** The public API as a user of it writes a client: fetch, a key, JSON. */
import type { Cdr, Invoice, Session, Site } from '@switchyard/protocol/api/shapes.ts'
import type { Station } from '@switchyard/protocol/api/stations.ts'

export class ApiError extends Error {
  readonly status: number
  readonly body: unknown
  constructor(what: string, status: number, body: unknown) {
    super(`${what}: ${status} ${JSON.stringify(body)}`)
    this.status = status
    this.body = body
  }
}

export class Api {
  readonly base: string
  readonly #key: string
  constructor(base: string, key: string) {
    this.base = base
    this.#key = key
  }

  async request<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const response = await fetch(`${this.base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const value = text === '' ? undefined : JSON.parse(text)
    if (!response.ok) throw new ApiError(`${method} ${path}`, response.status, value)
    return value as T
  }

  /** The stream of events, from after an id; the body is read until `signal` ends it. */
  stream(lastEventId: string | undefined, signal: AbortSignal): Promise<Response> {
    return fetch(`${this.base}/api/v1/stream`, {
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      signal,
    })
  }

  /** For a request whose answer is no JSON. */
  signed(): { headers: Record<string, string> } {
    return { headers: { authorization: `Bearer ${this.#key}` } }
  }

  get = <T>(path: string) => this.request<T>('GET', path)
  post = <T>(path: string, body: unknown) => this.request<T>('POST', path, body)

  /** Every item of a list, over all its pages. */
  async all<T>(path: string): Promise<T[]> {
    const items: T[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const join = path.includes('?') ? '&' : '?'
      const page: { items: T[]; next: string | null } = await this.get(
        `${path}${join}limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      )
      items.push(...page.items)
      cursor = page.next
    }
    return items
  }

  sites = () => this.all<Site>('/api/v1/sites')
  stations = () => this.all<Station>('/api/v1/stations')
  sessions = () => this.all<Session>('/api/v1/sessions')
  cdrs = () => this.all<Cdr>('/api/v1/cdrs')
  invoices = () => this.all<Invoice>('/api/v1/invoices')
}
