const REQUEST_TIMEOUT_MS = 10_000

export type Answer = { status: number; body: unknown }

export class Refused extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** The public API, as any user's program would call it. */
export class PublicApi {
  readonly #url: string
  readonly #apiKey: string

  constructor(url: string, apiKey: string) {
    this.#url = url
    this.#apiKey = apiKey
  }

  /** Resolves for success and for the statuses in `expected`; throws Refused, which tells what was not done. */
  post(path: string, body: object, expected: readonly number[] = []): Promise<Answer> {
    return this.#send('POST', path, body, expected)
  }

  patch(path: string, body: object): Promise<Answer> {
    return this.#send('PATCH', path, body, [])
  }

  async #send(method: string, path: string, body: object, expected: readonly number[]): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    const text = await response.text()
    if (!response.ok && !expected.includes(response.status))
      throw new Refused(
        `${method} ${path} was answered ${response.status}: ${text.slice(0, 500)}`,
        response.status,
      )
    return { status: response.status, body: JSON.parse(text) }
  }
}
