/** Charging profiles that load control sets: their ids and stack level are its own, and no raw call may use them. */

/** TxDefaultProfile at the failsafe current. */
export const FAILSAFE_PROFILE_ID = 1_000_000
/** TxProfile of a connector: this plus its EVSE id. */
export const LIMIT_PROFILE_ID = 1_000_001
export const RESERVED_LAST_ID = 1_000_999

/** 0 is the one level that every station has (ChargeProfileMaxStackLevel may be 0). */
export const STACK_LEVEL = 0

export function isReservedProfileId(id: number): boolean {
  return id >= FAILSAFE_PROFILE_ID && id <= RESERVED_LAST_ID
}
