/** The OCPP versions that Switchyard speaks, all over JSON and WebSocket. */
export type OcppVersion = '1.6' | '2.0.1' | '2.1'

export const OCPP_VERSIONS: readonly OcppVersion[] = ['1.6', '2.0.1', '2.1']

/** WebSocket subprotocol by version, as registered with IANA. */
export const SUBPROTOCOL: Readonly<Record<OcppVersion, string>> = {
  '1.6': 'ocpp1.6',
  '2.0.1': 'ocpp2.0.1',
  '2.1': 'ocpp2.1',
}

/** The version that a subprotocol name stands for; undefined for a name that is not ours. */
export function versionOfSubprotocol(name: string): OcppVersion | undefined {
  return OCPP_VERSIONS.find((version) => SUBPROTOCOL[version] === name)
}
