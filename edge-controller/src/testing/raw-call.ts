/** Calls over a bare socket, for tests that send what no client would. */
import type { RawSocket } from './charge-point.ts'

/** A boot that every station of the version can send. */
export const RAW_BOOT = {
  '1.6': { chargePointVendor: 'V', chargePointModel: 'M' },
  '2.0.1': { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
  '2.1': { reason: 'PowerUp', chargingStation: { vendorName: 'V', model: 'M' } },
}

let calls = 0
export function nextId(): string {
  return `m${calls++}`
}

/** The answer to a call; calls of the controller's own are left unanswered. */
export async function rawCall(socket: RawSocket, action: string, payload: unknown): Promise<unknown[]> {
  const id = nextId()
  socket.send(JSON.stringify([2, id, action, payload]))
  for (;;) {
    const frame = await socket.next()
    if (frame[1] === id) return frame
  }
}
