/** mA -> the ampere number of a charging profile: one decimal at most (OCPP), rounded down so that no limit is exceeded. */
export function ampere(limitMa: number): number {
  const tenths = Math.floor(limitMa / 100)
  // Parsed from text: 8.1 is then the nearest number to 8.1, whatever the arithmetic.
  return Number(`${Math.floor(tenths / 10)}.${tenths % 10}`)
}
