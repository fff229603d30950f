/** Commands about the station itself: OCPP 1.6 sections 5.2, 5.4, 5.14, 5.17, 5.18 and its security extension; 2.x use cases B09 to B12, C11, F05, F06, G03, G04, P01. */
import { z } from 'zod'
import { anyJson } from '../json.ts'
import type { TriggerMessageRequest, MessageTriggerEnumType as Triggers16 } from '../ocpp/v16.ts'
import type { MessageTriggerEnumType, NetworkConnectionProfileType, ResetEnumType } from '../ocpp/v21.ts'
import { call, command, refuseUnless } from './define.ts'
import * as part from './parts.ts'

const DAY_MS = 24 * 3_600_000
const place = { evseId: part.evseId.optional(), connectorId: part.connectorId.optional() }

/** 1.6 core can trigger these; the others came with the security extension and its own message. */
const CORE_TRIGGERS = new Set([
  ...['BootNotification', 'DiagnosticsStatusNotification', 'FirmwareStatusNotification', 'Heartbeat'],
  ...['MeterValues', 'StatusNotification'],
])
const RESET_2: Record<string, ResetEnumType> = { Hard: 'Immediate', Soft: 'OnIdle' }

export const station = {
  Reset: command(
    {
      group: 'Station',
      summary:
        'Restarts the station or one EVSE: Soft waits for sessions to end (2.x OnIdle), Hard does not (2.x Immediate), ImmediateAndResume goes on with them (2.1)',
      ttlMs: 60_000,
    },
    z.object({
      type: z.enum(['Soft', 'Hard', 'ImmediateAndResume']).default('Soft'),
      evseId: part.evseId.optional(),
    }),
  )
    .v16('Reset', ({ type, evseId }, { version }) => {
      refuseUnless(version, { evseId }, { evseId: 'the whole station is reset' })
      // ImmediateAndResume is refused by the schema.
      return { type: type as 'Soft' | 'Hard' }
    })
    .v2('Reset', ({ type, evseId }) => ({ type: RESET_2[type] ?? 'ImmediateAndResume', evseId })),

  UnlockConnector: command(
    { group: 'Station', summary: 'Unlocks the cable of one connector', ttlMs: 15_000 },
    z.object({ evseId: part.evseId, connectorId: part.connectorId.default(1) }),
  )
    .v16('UnlockConnector', (args) => ({ connectorId: part.connector16(args)! }))
    .v2('UnlockConnector', (args) => args),

  ChangeAvailability: command(
    {
      group: 'Station',
      summary: 'Takes the station, an EVSE or a connector out of service, or back into it',
      ttlMs: DAY_MS,
    },
    z.object({ operationalStatus: z.enum(['Operative', 'Inoperative']), ...place }),
  )
    .v16('ChangeAvailability', (args) => ({
      connectorId: part.connector16(args, 0)!,
      type: args.operationalStatus,
    }))
    .v2('ChangeAvailability', (args, context) => ({
      operationalStatus: args.operationalStatus,
      evse: part.evse2(args, context),
    })),

  TriggerMessage: command(
    {
      group: 'Station',
      summary:
        'Asks the station to send a message now. In 1.6 ExtendedTriggerMessage is used where the message needs it, or `extended` says so',
      ttlMs: 30_000,
    },
    z.object({
      requestedMessage: z.string().min(1).max(64),
      ...place,
      /** Which message, where requestedMessage is CustomTrigger (2.1). */
      customTrigger: z.string().max(50).optional(),
      /** 1.6: ExtendedTriggerMessage of the security extension, also for a message that both have. */
      extended: z.boolean().optional(),
    }),
  )
    .calls(['1.6'], ['TriggerMessage', 'ExtendedTriggerMessage'], (args, { version }) => {
      refuseUnless(
        version,
        { customTrigger: args.customTrigger },
        { customTrigger: 'there are no custom triggers' },
      )
      const wished = args.requestedMessage
      const name = wished === 'SignChargingStationCertificate' ? 'SignChargePointCertificate' : wished
      const connectorId = part.connector16(args)
      if (args.extended ?? !CORE_TRIGGERS.has(name))
        return [call('ExtendedTriggerMessage', { requestedMessage: name as Triggers16, connectorId })]
      const requestedMessage = name as TriggerMessageRequest['requestedMessage']
      return [call('TriggerMessage', { requestedMessage, connectorId })]
    })
    .v2('TriggerMessage', (args, context) => {
      refuseUnless(
        context.version,
        { extended: args.extended },
        { extended: 'there is one TriggerMessage only' },
      )
      return {
        requestedMessage: args.requestedMessage as MessageTriggerEnumType,
        evse: part.evse2(args, context),
        customTrigger: args.customTrigger,
      }
    }),

  ClearCache: command(
    { group: 'Station', summary: 'Clears the authorization cache', ttlMs: DAY_MS },
    z.object({}),
  )
    .v16('ClearCache', () => ({}))
    .v2('ClearCache', () => ({})),

  SetNetworkProfile: command(
    { group: 'Station', summary: 'Stores a network connection profile in a slot', ttlMs: DAY_MS },
    z.object({
      configurationSlot: z.int().min(0),
      connectionData: part.asInOcpp<NetworkConnectionProfileType>('NetworkConnectionProfileType'),
    }),
  ).v2('SetNetworkProfile', (args) => args),

  DataTransfer: command(
    { group: 'Anything else', summary: "A message of a vendor's own", ttlMs: 30_000 },
    z.object({
      vendorId: z.string().min(1).max(255),
      messageId: z.string().max(50).optional(),
      /** Text in 1.6, any JSON in 2.x. */
      data: anyJson.optional(),
    }),
  )
    .v16('DataTransfer', (args) => ({ ...args, data: args.data as string | undefined }))
    .v2('DataTransfer', (args) => args),
}
