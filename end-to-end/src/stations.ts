/**
 * Charging stations that are not ours: npm's ocpp-rpc as a strict client, which checks every frame that it sends and
 * receives against the official schemas. Sessions are told in frames, as a station tells them.
 */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import * as ocppRpc from 'ocpp-rpc'

/** What is used of ocpp-rpc's client; its own types ask for every option and know no payloads. */
export interface StationClient {
  connect(): Promise<unknown>
  call<T = JsonObject>(action: string, payload: object): Promise<T>
  handle(action: string, handler: (request: { params: JsonObject }) => object): void
  close(): Promise<unknown>
}
const RPCClient = ocppRpc.RPCClient as unknown as new (options: object) => StationClient

export type Version = '1.6' | '2.0.1'

export interface Told {
  stationId: string
  idToken: string
  startWh: number
  endWh: number
  startedAt: string
  endedAt: string
  transactionId: string
}

export interface Connected {
  client: StationClient
  version: Version
  stationId: string
}

export async function connect(
  ocppUrl: string,
  stationId: string,
  version: Version,
  password?: string,
): Promise<Connected> {
  const client = new RPCClient({
    endpoint: ocppUrl,
    identity: stationId,
    protocols: [version === '1.6' ? 'ocpp1.6' : 'ocpp2.0.1'],
    strictMode: true,
    reconnect: false,
    ...(password === undefined ? {} : { password }),
  })
  await client.connect()
  return { client, version, stationId }
}

export async function boot({ client, version }: Connected, firmware?: string): Promise<void> {
  const firmwareVersion = firmware === undefined ? {} : { firmwareVersion: firmware }
  const reply =
    version === '1.6'
      ? await client.call('BootNotification', {
          chargePointVendor: 'Independent',
          chargePointModel: 'RPC-1',
          ...firmwareVersion,
        })
      : await client.call('BootNotification', {
          reason: 'PowerUp',
          chargingStation: { vendorName: 'Independent', model: 'RPC-2', ...firmwareVersion },
        })
  if (reply.status !== 'Accepted') throw new Error(`boot was ${reply.status}`)
}

export async function status({ client, version }: Connected, to: string, at: string): Promise<void> {
  if (version === '1.6') {
    await client.call('StatusNotification', {
      connectorId: 1,
      errorCode: 'NoError',
      status: to,
      timestamp: at,
    })
  } else {
    await client.call('StatusNotification', {
      evseId: 1,
      connectorId: 1,
      connectorStatus: to === 'Available' ? 'Available' : 'Occupied',
      timestamp: at,
    })
  }
}

/** Times and registers of a session in steps; what a station would say at each. */
export interface Plan {
  stationId: string
  idToken: string
  startMs: number
  endMs: number
  startWh: number
  energyWh: number
  /** Meter values between start and end. */
  readings: number
}

const iso = (ms: number) => new Date(ms).toISOString()
const points = (p: Plan) =>
  Array.from({ length: p.readings }, (_, i) => {
    const part = (i + 1) / (p.readings + 1)
    return {
      at: iso(p.startMs + (p.endMs - p.startMs) * part),
      wh: p.startWh + Math.floor(p.energyWh * part),
    }
  })

/** A whole session at once, as an offline queue is delivered after boot, or live when the times are now. */
export async function tellSession(
  connected: Connected,
  p: Plan,
  pause: () => Promise<void> = async () => {},
): Promise<Told> {
  const told = {
    stationId: p.stationId,
    idToken: p.idToken,
    startWh: p.startWh,
    endWh: p.startWh + p.energyWh,
    startedAt: iso(p.startMs),
    endedAt: iso(p.endMs),
  }
  return connected.version === '1.6'
    ? tell16(connected.client, p, told, pause)
    : tell201(connected.client, p, told, pause)
}

async function tell16(
  client: StationClient,
  p: Plan,
  told: Omit<Told, 'transactionId'>,
  pause: () => Promise<void>,
): Promise<Told> {
  const start = await client.call<{ transactionId: number }>('StartTransaction', {
    connectorId: 1,
    idTag: p.idToken,
    meterStart: p.startWh,
    timestamp: told.startedAt,
  })
  for (const point of points(p)) {
    await pause()
    await client.call('MeterValues', {
      connectorId: 1,
      transactionId: start.transactionId,
      meterValue: [
        {
          timestamp: point.at,
          sampledValue: [{ value: String(point.wh), measurand: 'Energy.Active.Import.Register', unit: 'Wh' }],
        },
      ],
    })
  }
  await pause()
  await client.call('StopTransaction', {
    transactionId: start.transactionId,
    idTag: p.idToken,
    meterStop: told.endWh,
    timestamp: told.endedAt,
    reason: 'EVDisconnected',
  })
  return { ...told, transactionId: String(start.transactionId) }
}

async function tell201(
  client: StationClient,
  p: Plan,
  told: Omit<Told, 'transactionId'>,
  pause: () => Promise<void>,
): Promise<Told> {
  const transactionId = `tx-${p.stationId}-${p.startMs}`
  let seqNo = 0
  const event = async (
    eventType: string,
    triggerReason: string,
    at: string,
    wh: number,
    context: string,
    more: object = {},
  ) => {
    await client.call('TransactionEvent', {
      eventType,
      triggerReason,
      timestamp: at,
      seqNo: seqNo++,
      offline: p.endMs < Date.now() - 60_000,
      transactionInfo: {
        transactionId,
        ...(eventType === 'Ended' ? { stoppedReason: 'EVDisconnected' } : { chargingState: 'Charging' }),
      },
      meterValue: [
        {
          timestamp: at,
          sampledValue: [
            { value: wh, context, measurand: 'Energy.Active.Import.Register', unitOfMeasure: { unit: 'Wh' } },
          ],
        },
      ],
      ...more,
    })
  }
  await event('Started', 'Authorized', told.startedAt, p.startWh, 'Transaction.Begin', {
    evse: { id: 1, connectorId: 1 },
    idToken: { idToken: p.idToken, type: 'ISO14443' },
  })
  for (const point of points(p)) {
    await pause()
    await event('Updated', 'MeterValuePeriodic', point.at, point.wh, 'Sample.Periodic')
  }
  await pause()
  await event('Ended', 'EVCommunicationLost', told.endedAt, told.endWh, 'Transaction.End')
  return { ...told, transactionId }
}
