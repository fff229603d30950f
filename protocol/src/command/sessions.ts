/** Commands about sessions: OCPP 1.6 sections 5.11 and 5.12; 2.x use cases F01 to F03, E14, I02, Q and C-series of 2.1. */
import { z } from 'zod'
import type { EnergyTransferModeEnumType } from '../ocpp/v21.ts'
import { command, refuseUnless } from './define.ts'
import * as part from './parts.ts'

const { sessionRef, transactionIdOf } = part

export const sessions = {
  RemoteStart: command(
    {
      group: 'Sessions',
      summary: 'Starts a session for a token, on one EVSE or where the station chooses',
      ttlMs: 30_000,
    },
    z.object({
      idToken: part.idToken,
      evseId: part.evseId.optional(),
      connectorId: part.connectorId.optional(),
      /** Group of the token (2.x); 1.6 has none here. */
      groupIdToken: part.idToken.optional(),
      chargingProfile: part.chargingProfile.optional(),
    }),
  )
    .v16('RemoteStartTransaction', (args, { version }) => {
      refuseUnless(
        version,
        { groupIdToken: args.groupIdToken },
        { groupIdToken: 'a remote start has no group' },
      )
      return {
        connectorId: part.connector16(args),
        idTag: args.idToken.value,
        chargingProfile: args.chargingProfile && part.profile16(args.chargingProfile),
      }
    })
    .v2('RequestStartTransaction', (args, { version, drawId }) => {
      refuseUnless(version, { connectorId: args.connectorId }, { connectorId: 'a start names an EVSE only' })
      return {
        remoteStartId: drawId(),
        idToken: part.idTokenType(args.idToken),
        evseId: args.evseId,
        groupIdToken: args.groupIdToken && part.idTokenType(args.groupIdToken),
        chargingProfile: args.chargingProfile && part.profile2(args.chargingProfile),
      }
    }),

  RemoteStop: command(
    { group: 'Sessions', summary: 'Stops a running session', ttlMs: 60_000, idempotent: true },
    z.object(sessionRef),
  )
    .v16('RemoteStopTransaction', (args, context) => ({
      transactionId: part.numbered(transactionIdOf(args, context)),
    }))
    .v2('RequestStopTransaction', (args, context) => ({ transactionId: transactionIdOf(args, context) })),

  GetTransactionStatus: command(
    {
      group: 'Sessions',
      summary: 'Asks whether a transaction runs and whether messages of it wait; without one, whether any do',
      ttlMs: 60_000,
      idempotent: true,
    },
    z.object(sessionRef),
  ).v2('GetTransactionStatus', (args, context) => ({
    transactionId:
      args.sessionId === undefined && args.transactionId === undefined
        ? undefined
        : transactionIdOf(args, context),
  })),

  CostUpdated: command(
    { group: 'Sessions', summary: 'Tells the running cost of a session, for the display', ttlMs: 60_000 },
    z.object({ ...sessionRef, totalCost: z.number() }),
  ).v2('CostUpdated', (args, context) => ({
    totalCost: args.totalCost,
    transactionId: transactionIdOf(args, context),
  })),

  NotifyAllowedEnergyTransfer: command(
    {
      group: 'Sessions',
      summary: 'Tells which ways of energy transfer a session may use, e.g. bidirectional ones',
      ttlMs: 60_000,
    },
    z.object({ ...sessionRef, allowedEnergyTransfer: z.array(z.string()).min(1) }),
  ).v21('NotifyAllowedEnergyTransfer', (args, context) => ({
    transactionId: transactionIdOf(args, context),
    allowedEnergyTransfer: args.allowedEnergyTransfer as EnergyTransferModeEnumType[],
  })),
}
