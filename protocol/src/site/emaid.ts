/**
 * Contract identifiers of Plug & Charge. An eMAID is the same with and without hyphens, and in either case (ISO 15118); tokens are kept
 * and looked up by the identifier as it was written, so whoever looks for one looks for each of its writings.
 */
import type { IdToken } from './fact.ts'

export const EMAID = 'eMAID'

/** Without hyphens, in upper case: equal for the same contract. */
export function plainEmaid(emaid: string): string {
  return emaid.replaceAll('-', '').toUpperCase()
}

/**
 * The ways in which the eMAID of a token is written, in upper case: plain, and with hyphens after country, provider and, where there is
 * one, before the check digit. None for tokens of other types.
 */
export function emaidWritings({ value, type }: IdToken): string[] {
  if (type !== EMAID) return []
  const plain = plainEmaid(value)
  const [, country, provider, instance, check] = /^(.{2})(.{3})(.{9})(.?)$/.exec(plain) ?? []
  if (instance === undefined) return [plain]
  const parted = `${country}-${provider}-${instance}`
  return check ? [plain, `${parted}${check}`, `${parted}-${check}`] : [plain, parted]
}

/**
 * Whether two tokens are the same to whoever presents them: without regard to case, and to hyphens where both are eMAIDs. The name of a
 * payment (2.1, DirectPayment) is nobody's token.
 */
export function isSameToken(a: IdToken, b: IdToken): boolean {
  if ((a.type === 'DirectPayment') !== (b.type === 'DirectPayment')) return false
  if (a.type === EMAID && b.type === EMAID) return plainEmaid(a.value) === plainEmaid(b.value)
  return a.value.toLowerCase() === b.value.toLowerCase()
}
