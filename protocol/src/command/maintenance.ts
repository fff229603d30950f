/** Commands about firmware, logs and certificates: OCPP 1.6 sections 5.9 and 5.19 and its security extension; 2.x use cases A02, A03, L01 to L04, M03 to M05, N01. */
import { z } from 'zod'
import type { CertificateUseEnumType, LogEnumType } from '../ocpp/v16.ts'
import type { CertificateHashDataType, CertificateSigningUseEnumType, GetLogRequest } from '../ocpp/v21.ts'
import { FIRMWARE_ID_PATTERN, type UploadKind } from '../site/file.ts'
import { CommandFault, call, command, type PlanContext, refuseUnless } from './define.ts'
import * as part from './parts.ts'

const DAY_MS = 24 * 3_600_000
const location = z.string().min(1).max(2000)
/** Where it shall go: what was said, else a place at the site of the station. */
function uploadTo({ uploadLocation }: PlanContext, kind: UploadKind, field: string, given?: string): string {
  const location = given ?? uploadLocation(kind)
  if (location !== undefined) return location
  const why = 'is missing: the site of this station takes no uploads (FILES_PORT of its controller)'
  throw new CommandFault('InvalidArguments', `args.${field}`, why)
}
/** Exactly one of location and firmwareId; an image of the cloud's brings its own signature. */
function imageOf(
  args: Image & { firmwareId?: string | undefined; retrieveAt: string },
  context: PlanContext,
) {
  const { location, firmwareId, signature, signingCertificate } = args
  const fault = (field: string, why: string) => new CommandFault('InvalidArguments', `args.${field}`, why)
  if (firmwareId === undefined) {
    if (location === undefined)
      throw fault('location', 'is missing, and so is firmwareId: one of them is needed')
    return { location, signature, signingCertificate }
  }
  for (const [field, given] of Object.entries({ location, signature, signingCertificate }))
    if (given !== undefined) throw fault(field, 'is told by the firmware that firmwareId names')
  const placed = context.firmware(firmwareId, Date.parse(args.retrieveAt))
  if (!placed)
    throw fault('firmwareId', 'the site of this station has no firmware (FILES_PORT of its controller)')
  return {
    location: placed.location,
    signature: placed.signature ?? undefined,
    signingCertificate: placed.signingCertificate ?? undefined,
  }
}
interface Image {
  location?: string | undefined
  signature?: string | undefined
  signingCertificate?: string | undefined
}

const retries = { retries: z.int().min(0).optional(), /** Seconds. */ retryInterval: part.seconds.optional() }
const period = { oldestTimestamp: part.instant.optional(), latestTimestamp: part.instant.optional() }
const certificate = z.string().min(1).max(10_000)

export const firmwareAndLogs = {
  UpdateFirmware: command(
    {
      group: 'Firmware and logs',
      summary:
        'Has the station fetch and install firmware, from its site with firmwareId; with signature and signingCertificate it is signed (1.6: SignedUpdateFirmware)',
      ttlMs: DAY_MS,
    },
    z.object({
      /** Where the station fetches it; or the image of the cloud's that its site fetches and serves. */
      location: location.optional(),
      firmwareId: z.string().regex(FIRMWARE_ID_PATTERN, 'is no firmware id').optional(),
      retrieveAt: part.instant,
      installAt: part.instant.optional(),
      signingCertificate: certificate.optional(),
      signature: z.string().max(1_000).optional(),
      ...retries,
      requestId: part.requestId,
      /** false: it is not sent while a session runs at the station; the command then fails with `Charging`. */
      whileCharging: z.boolean().optional(),
    }),
  )
    .calls(['1.6'], ['UpdateFirmware', 'SignedUpdateFirmware'], (args, context) => {
      const { location, signingCertificate, signature } = imageOf(args, context)
      const { retrieveAt, installAt, retries, retryInterval } = args
      if (signature === undefined && signingCertificate === undefined) {
        refuseUnless(
          context.version,
          { installAt, requestId: args.requestId },
          {
            installAt: 'firmware that is not signed is installed when it is there',
            requestId: 'firmware that is not signed has no request id',
          },
        )
        return [call('UpdateFirmware', { location, retrieveDate: retrieveAt, retries, retryInterval })]
      }
      const firmware = {
        location,
        retrieveDateTime: retrieveAt,
        installDateTime: installAt,
        signingCertificate,
        signature,
      }
      const requestId = args.requestId ?? context.drawId()
      return [call('SignedUpdateFirmware', { requestId, retries, retryInterval, firmware })]
    })
    .v2('UpdateFirmware', (args, context) => {
      const { location, signingCertificate, signature } = imageOf(args, context)
      return {
        requestId: args.requestId ?? context.drawId(),
        retries: args.retries,
        retryInterval: args.retryInterval,
        firmware: {
          location,
          retrieveDateTime: args.retrieveAt,
          installDateTime: args.installAt,
          signingCertificate,
          signature,
        },
      }
    }),

  PublishFirmware: command(
    {
      group: 'Firmware and logs',
      summary: 'Has a local controller fetch firmware and offer it to its stations',
      ttlMs: DAY_MS,
    },
    z.object({ location, checksum: z.string().max(32), ...retries, requestId: part.requestId }),
  ).v2('PublishFirmware', (args, { drawId }) => ({ ...args, requestId: args.requestId ?? drawId() })),

  UnpublishFirmware: command(
    { group: 'Firmware and logs', summary: 'Has a local controller offer it no longer', ttlMs: DAY_MS },
    z.object({ checksum: z.string().max(32) }),
  ).v2('UnpublishFirmware', (args) => args),

  GetLog: command(
    {
      group: 'Firmware and logs',
      summary:
        'Has the station upload a log, to its site where no remoteLocation is given (1.6: with the security extension)',
      ttlMs: 300_000,
    },
    z.object({
      logType: z.enum(['DiagnosticsLog', 'SecurityLog', 'DataCollectorLog']),
      remoteLocation: location.optional(),
      ...period,
      ...retries,
      requestId: part.requestId,
    }),
  )
    .v16('GetLog', ({ remoteLocation, oldestTimestamp, latestTimestamp, ...rest }, context) => ({
      ...rest,
      logType: rest.logType as LogEnumType,
      requestId: rest.requestId ?? context.drawId(),
      log: {
        remoteLocation: uploadTo(context, rest.logType, 'remoteLocation', remoteLocation),
        oldestTimestamp,
        latestTimestamp,
      },
    }))
    .v2('GetLog', ({ remoteLocation, oldestTimestamp, latestTimestamp, ...rest }, context) => ({
      ...rest,
      logType: rest.logType as GetLogRequest['logType'] & 'SecurityLog',
      requestId: rest.requestId ?? context.drawId(),
      log: {
        remoteLocation: uploadTo(context, rest.logType, 'remoteLocation', remoteLocation),
        oldestTimestamp,
        latestTimestamp,
      },
    })),

  GetDiagnostics: command(
    {
      group: 'Firmware and logs',
      summary:
        'Has the station upload its diagnostics, to its site where no location is given (2.x: GetLog of the DiagnosticsLog)',
      ttlMs: 300_000,
    },
    z.object({ location: location.optional(), ...period, ...retries }),
  )
    .v16('GetDiagnostics', ({ location, oldestTimestamp, latestTimestamp, ...rest }, context) => ({
      ...rest,
      location: uploadTo(context, 'DiagnosticsLog', 'location', location),
      startTime: oldestTimestamp,
      stopTime: latestTimestamp,
    }))
    .v2('GetLog', ({ location, oldestTimestamp, latestTimestamp, ...rest }, context) => ({
      ...rest,
      logType: 'DiagnosticsLog' as const,
      requestId: context.drawId(),
      log: {
        remoteLocation: uploadTo(context, 'DiagnosticsLog', 'location', location),
        oldestTimestamp,
        latestTimestamp,
      },
    })),
}

/** 1.6 has two kinds of root certificates; one of them by another name. */
function use16(type: string, path: string): CertificateUseEnumType {
  if (type === 'CSMSRootCertificate') return 'CentralSystemRootCertificate'
  if (type === 'ManufacturerRootCertificate') return type
  throw new CommandFault(
    'NotInVersion',
    path,
    `OCPP 1.6 knows CSMSRootCertificate and ManufacturerRootCertificate, not ${type}`,
  )
}

const hashData = part.asInOcpp<CertificateHashDataType>('CertificateHashDataType')

export const certificates = {
  InstallCertificate: command(
    { group: 'Certificates', summary: 'Installs a root certificate', ttlMs: DAY_MS },
    z.object({
      certificateType: z.enum([
        'CSMSRootCertificate',
        'ManufacturerRootCertificate',
        'V2GRootCertificate',
        'MORootCertificate',
        'OEMRootCertificate',
      ]),
      /** PEM. */
      certificate,
    }),
  )
    .v16('InstallCertificate', (args) => ({
      certificateType: use16(args.certificateType, 'args.certificateType'),
      certificate: args.certificate,
    }))
    .v2('InstallCertificate', (args) => args),

  DeleteCertificate: command(
    { group: 'Certificates', summary: 'Removes a certificate, named by its hashes', ttlMs: DAY_MS },
    z.object({ certificateHashData: hashData }),
  )
    .v16('DeleteCertificate', (args) => args)
    .v2('DeleteCertificate', (args) => args),

  GetInstalledCertificateIds: command(
    {
      group: 'Certificates',
      summary: 'Asks which certificates are installed (1.6: a call for each type)',
      ttlMs: 60_000,
      idempotent: true,
    },
    z.object({ certificateTypes: z.array(z.string().max(40)).min(1).max(10).optional() }),
  )
    .calls(['1.6'], ['GetInstalledCertificateIds'], (args) =>
      (args.certificateTypes ?? ['CSMSRootCertificate', 'ManufacturerRootCertificate']).map((type, index) =>
        call('GetInstalledCertificateIds', {
          certificateType: use16(type, `args.certificateTypes.${index}`),
        }),
      ),
    )
    .v2('GetInstalledCertificateIds', (args) => ({
      certificateType: args.certificateTypes as 'V2GRootCertificate'[] | undefined,
    })),

  CertificateSigned: command(
    {
      group: 'Certificates',
      summary: 'Gives the station the certificate that it asked to have signed',
      ttlMs: 300_000,
    },
    z.object({
      /** PEM, the leaf first. */
      certificateChain: z.string().min(1).max(10_000),
      certificateType: z
        .enum(['ChargingStationCertificate', 'V2GCertificate', 'V2G20Certificate'])
        .optional(),
      /** 2.1: that of the SignCertificate request. */
      requestId: part.requestId,
    }),
  )
    .v16('CertificateSigned', ({ certificateChain, ...rest }, { version }) => {
      refuseUnless(version, rest, {
        certificateType: "there is the station's certificate only",
        requestId: 'signing has no request id',
      })
      return { certificateChain }
    })
    .v2('CertificateSigned', (args) => ({
      ...args,
      certificateType: args.certificateType as Exclude<CertificateSigningUseEnumType, 'V2G20Certificate'>,
    })),
}
