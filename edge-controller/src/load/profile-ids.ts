/** Charging profiles that load control sets: their ids and stack level are its own, and no raw call may use them. */

/** TxDefaultProfile at the failsafe current. */
export const FAILSAFE_PROFILE_ID = 1_000_000
export const RESERVED_LAST_ID = 1_000_999

/** 0 is the one level that every station has (ChargeProfileMaxStackLevel may be 0). */
export const STACK_LEVEL = 0

/** TxProfile of an EVSE: an id of its own for each, as far as ids are reserved. */
export function limitProfileId(evseId: number): number {
  return Math.min(FAILSAFE_PROFILE_ID + evseId, RESERVED_LAST_ID)
}

export function isReservedProfileId(id: number): boolean {
  return id >= FAILSAFE_PROFILE_ID && id <= RESERVED_LAST_ID
}
