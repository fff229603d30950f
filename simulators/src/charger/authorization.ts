/** Whether a token may charge: asked of the central system, or decided alone while that is away (1.6 section 3.5). */
import type { SettingValues } from './settings.ts'

/** Tokens that the authorization cache holds; the one accepted longest ago makes room. */
export const CACHE_MAX = 200

/** What an authorization came to: the central system's word, or `Offline` where it could not be asked and the station would not decide. */
export type AuthorizationStatus = string

export interface AuthorizationOptions {
  settings: SettingValues
  online: () => boolean
  /** Asks the central system; rejects when no answer comes. */
  ask: (idToken: string, tokenType: string | undefined) => Promise<string>
}

export class Authorization {
  readonly #options: AuthorizationOptions
  readonly #accepted: Set<string>

  constructor(options: AuthorizationOptions, accepted: readonly string[] = []) {
    this.#options = options
    this.#accepted = new Set(accepted)
  }

  /** The cache: tokens accepted of late, the newest last. */
  get accepted(): Iterable<string> {
    return this.#accepted
  }

  async decide(idToken: string, tokenType?: string): Promise<AuthorizationStatus> {
    if (this.#options.online()) {
      try {
        const status = await this.#options.ask(idToken, tokenType)
        this.learn(idToken, status)
        return status
      } catch {
        // No answer is as good as no connection.
      }
    }
    const { localAuthorizeOffline, allowOfflineUnknown } = this.#options.settings
    if (localAuthorizeOffline && this.#accepted.has(idToken)) return 'Accepted'
    return allowOfflineUnknown ? 'Accepted' : 'Offline'
  }

  /** The central system has said so. */
  learn(idToken: string, status: string): void {
    this.#accepted.delete(idToken)
    if (status !== 'Accepted' || !this.#options.settings.authorizationCache) return
    this.#accepted.add(idToken)
    if (this.#accepted.size <= CACHE_MAX) return
    for (const oldest of this.#accepted) {
      this.#accepted.delete(oldest)
      break
    }
  }

  clear(): void {
    this.#accepted.clear()
  }
}
