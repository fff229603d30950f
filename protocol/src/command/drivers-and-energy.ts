/** Commands about displays, drivers, tariffs and energy resources: OCPP 2.x use cases N09, N10, O01 to O06; 2.1 use cases I07 to I13, R01 to R04, S01 to S03. */
import { z } from 'zod'
import type {
  CertificateHashDataType,
  DERControlEnumType,
  DERCurveType,
  EnterServiceType,
  FixedPFType,
  FixedVarType,
  FreqDroopType,
  GradientType,
  LimitMaxDischargeType,
  MessageInfoType,
  TariffType,
} from '../ocpp/v21.ts'
import { command } from './define.ts'
import * as part from './parts.ts'

const DAY_MS = 24 * 3_600_000
const evseOrAll = z.int().min(0)
const tariff = part.asInOcpp<TariffType>('TariffType')
const controlType = z.string().min(1).max(40)

export const displayAndDrivers = {
  SetDisplayMessage: command(
    { group: 'Display and drivers', summary: 'Shows a message on the display', ttlMs: DAY_MS },
    z.object({ message: part.asInOcpp<MessageInfoType>('MessageInfoType') }),
  ).v2('SetDisplayMessage', (args) => args as never),

  GetDisplayMessages: command(
    {
      group: 'Display and drivers',
      summary: 'Asks which messages are set; answered with them',
      ttlMs: 120_000,
      idempotent: true,
      report: { action: 'NotifyDisplayMessages', items: 'messageInfo' },
    },
    z.object({
      id: z.array(z.int().min(0)).min(1).optional(),
      priority: z.enum(['AlwaysFront', 'InFront', 'NormalCycle']).optional(),
      state: z.enum(['Charging', 'Faulted', 'Idle', 'Unavailable', 'Suspended', 'Discharging']).optional(),
      requestId: part.requestId,
    }),
  ).v2('GetDisplayMessages', (args, { drawId }) => ({ ...args, requestId: args.requestId ?? drawId() })),

  ClearDisplayMessage: command(
    { group: 'Display and drivers', summary: 'Removes a message from the display', ttlMs: DAY_MS },
    z.object({ id: z.int().min(0) }),
  ).v2('ClearDisplayMessage', (args) => args),

  CustomerInformation: command(
    {
      group: 'Display and drivers',
      summary: 'Asks what the station keeps about a customer, and may have it forgotten; answered with it',
      ttlMs: 300_000,
      // Whether a station tells that it has forgotten, where nothing was asked for, is left open (N10).
      report: {
        action: 'NotifyCustomerInformation',
        items: 'data',
        isAsked: ({ report }) => report === true,
      },
    },
    z.object({
      report: z.boolean(),
      clear: z.boolean(),
      idToken: part.idToken.optional(),
      customerIdentifier: z.string().max(64).optional(),
      customerCertificate: part.asInOcpp<CertificateHashDataType>('CertificateHashDataType').optional(),
      requestId: part.requestId,
    }),
  ).v2('CustomerInformation', ({ idToken, ...args }, { drawId }) => ({
    ...args,
    requestId: args.requestId ?? drawId(),
    idToken: idToken && part.idTokenType(idToken),
  })),
}

export const tariffs = {
  SetDefaultTariff: command(
    { group: 'Tariffs', summary: 'Sets the tariff of an EVSE, or of all (0)', ttlMs: DAY_MS },
    z.object({ evseId: evseOrAll, tariff }),
  ).v21('SetDefaultTariff', (args) => args),

  GetTariffs: command(
    {
      group: 'Tariffs',
      summary: 'Asks which tariffs are set on an EVSE, or on all (0)',
      ttlMs: 60_000,
      idempotent: true,
    },
    z.object({ evseId: evseOrAll }),
  ).v21('GetTariffs', (args) => args),

  ClearTariffs: command(
    {
      group: 'Tariffs',
      summary: 'Removes tariffs, by id or by EVSE; all of them without either',
      ttlMs: DAY_MS,
    },
    z.object({
      tariffIds: z.array(z.string().max(60)).min(1).optional(),
      evseId: evseOrAll.optional(),
    }),
  ).v21('ClearTariffs', (args) => args),

  ChangeTransactionTariff: command(
    { group: 'Tariffs', summary: 'Gives a running session another tariff', ttlMs: 60_000 },
    z.object({ ...part.sessionRef, tariff }),
  ).v21('ChangeTransactionTariff', (args, context) => ({
    transactionId: part.transactionIdOf(args, context),
    tariff: args.tariff,
  })),

  NotifyWebPaymentStarted: command(
    {
      group: 'Tariffs',
      summary: 'Tells that somebody pays for an EVSE on the web, so that it waits for so many seconds',
      ttlMs: 30_000,
    },
    z.object({ evseId: part.evseId, timeout: part.seconds }),
  ).v21('NotifyWebPaymentStarted', (args) => args),
}

export const energyResources = {
  SetDERControl: command(
    {
      group: 'Energy resources',
      summary: 'Sets a control of the station as a distributed energy resource, by its type',
      ttlMs: DAY_MS,
    },
    z.object({
      isDefault: z.boolean(),
      controlId: z.string().min(1).max(36),
      controlType,
      curve: part.asInOcpp<DERCurveType>('DERCurveType').optional(),
      enterService: part.asInOcpp<EnterServiceType>('EnterServiceType').optional(),
      fixedPFAbsorb: part.asInOcpp<FixedPFType>('FixedPFType').optional(),
      fixedPFInject: part.asInOcpp<FixedPFType>('FixedPFType').optional(),
      fixedVar: part.asInOcpp<FixedVarType>('FixedVarType').optional(),
      freqDroop: part.asInOcpp<FreqDroopType>('FreqDroopType').optional(),
      gradient: part.asInOcpp<GradientType>('GradientType').optional(),
      limitMaxDischarge: part.asInOcpp<LimitMaxDischargeType>('LimitMaxDischargeType').optional(),
    }),
  ).v21('SetDERControl', (args) => ({ ...args, controlType: args.controlType as DERControlEnumType })),

  GetDERControl: command(
    {
      group: 'Energy resources',
      summary: 'Asks which controls are set; answered with them',
      ttlMs: 120_000,
      idempotent: true,
      report: { action: 'ReportDERControl' },
    },
    z.object({
      isDefault: z.boolean().optional(),
      controlType: controlType.optional(),
      controlId: z.string().max(36).optional(),
      requestId: part.requestId,
    }),
  ).v21('GetDERControl', (args, { drawId }) => ({
    ...args,
    controlType: args.controlType as DERControlEnumType | undefined,
    requestId: args.requestId ?? drawId(),
  })),

  ClearDERControl: command(
    { group: 'Energy resources', summary: 'Removes controls, by type or id', ttlMs: DAY_MS },
    z.object({
      isDefault: z.boolean(),
      controlType: controlType.optional(),
      controlId: z.string().max(36).optional(),
    }),
  ).v21('ClearDERControl', (args) => ({
    ...args,
    controlType: args.controlType as DERControlEnumType | undefined,
  })),

  RequestBatterySwap: command(
    {
      group: 'Energy resources',
      summary: 'Asks a swap station to begin a battery swap for a token',
      ttlMs: 30_000,
    },
    z.object({ idToken: part.idToken, requestId: part.requestId }),
  ).v21('RequestBatterySwap', ({ idToken, requestId }, { drawId }) => ({
    idToken: part.idTokenType(idToken),
    requestId: requestId ?? drawId(),
  })),
}
