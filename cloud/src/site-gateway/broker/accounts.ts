/** Sites' accounts at the broker, whichever it is. */
export interface BrokerAccounts {
  /** The site signs in with this from now on; a connection under the old secret is ended. Throws ProblemError 503 when the broker is away. */
  put(siteId: string, password: string): Promise<void>
  remove(siteId: string): Promise<void>
}

/** A broker whose accounts are kept by hand: nothing to do here. */
export const accountsByHand: BrokerAccounts = {
  async put() {},
  async remove() {},
}
