/** A session as it truly was: the oracle's side of every bill. */
export interface PhysicalSession {
  /** Its token, which no other session has: what is billed is matched by it. */
  token: string
  chargerId: string
  siteId: string
  connector: number
  startedAtMs: number
  endedAtMs: number | undefined
  startMilliWh: number
  endMilliWh: number | undefined
  /** As the charger told them, once it told them. */
  toldStartMilliWh: number
  toldEndMilliWh: number | undefined
  /** OCPP's id of it, as far as it is known. */
  transactionId: string | undefined
  /** The site has answered a message about it: from then on it must not be forgotten. */
  isKnown: boolean
  /** The site has answered its end, and the register was right. */
  isEndKnown: boolean
  /** A stop with its token was answered by the card that the site has still. */
  isStopKept: boolean
  /** It ran, and was known, when its site's card was cloned: both boxes know it. */
  isOnBoth: boolean
  /** The charger lost what it had to tell of it. */
  isForgotten: boolean
  /** The site's card was replaced while it ran: what it may draw stands on the old card. */
  outlivedCard: boolean
}
