/** "1.6" or the subprotocol "ocpp1.6" -> "OCPP 1.6". */
export function protocolText(ocpp: string): string {
  return `OCPP ${ocpp.replace(/^ocpp/i, '')}`
}
