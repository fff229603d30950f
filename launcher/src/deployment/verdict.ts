/** What one check of `npm run predeploy` has to say. */
export interface Verdict {
  /** `left out`: nobody looked, as it was asked for or there is nothing yet to look at. */
  readonly state: 'ok' | 'wrong' | 'left out'
  /** One line each: what was seen, or what is to be done. */
  readonly told: readonly string[]
}

export const ok = (...told: string[]): Verdict => ({ state: 'ok', told })
export const wrong = (...told: string[]): Verdict => ({ state: 'wrong', told })
export const leftOut = (...told: string[]): Verdict => ({ state: 'left out', told })
