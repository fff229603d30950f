/** The id tokens that simulated drivers carry. They mean something only where they were registered, see `tokens`. */

/** In the shape that POST /api/v1/tokens takes. */
export interface SimulatedToken {
  idToken: string
  type: 'ISO14443'
  valid: boolean
}

/** How many drivers a simulated site knows. */
const DRIVERS = 24

/** SIM-0001 to SIM-0024. */
export const SIMULATED_TOKENS: readonly SimulatedToken[] = Array.from({ length: DRIVERS }, (_, index) => ({
  idToken: `SIM-${String(index + 1).padStart(4, '0')}`,
  type: 'ISO14443',
  valid: true,
}))
