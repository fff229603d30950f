/** What a session costs so far, told to a 2.x station between its events (CostUpdated, I02); the answers to those tell it as well, and the end. */
import type { CostWords } from '../tell-cost.ts'

export const cost: CostWords = {
  running: ({ transactionId }, { amount }) => ({
    action: 'CostUpdated',
    payload: { totalCost: amount, transactionId },
  }),
}
