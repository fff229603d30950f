/**
 * Changes of how a station proves who it is, each in one command: the site goes on until a connection has proved the change, and what
 * the station came with before stays good until then (2.x use cases A01, A02 and A05; the security whitepaper for 1.6). Here is the
 * call that each begins with.
 */
import { z } from 'zod'
import type { NetworkConnectionProfileType, OCPPInterfaceEnumType } from '../ocpp/v21.ts'
import { CommandFault, command, type PlanContext, refuseUnless } from './define.ts'
import * as part from './parts.ts'

/** How long a change may take: a station that charges is reset only when it is idle. */
const CHANGE_TTL_MS = 3_600_000

/** 2.x: `passwordString`, of 16 characters at least; the same for 1.6, whose stations are given 40 hex digits unless told otherwise. */
const PASSWORD = /^[A-Za-z0-9*\-_=:+|@.]{16,40}$/

/** Of every change. */
const sparing = {
  /** false: it does not begin, and the station is not disconnected for it, while a session runs there; one that cannot begin fails with `Charging`. */
  whileCharging: z.boolean().optional(),
}

export const securityChanges = {
  RotatePassword: command(
    {
      group: 'Security',
      summary:
        'Gives the station a new password, drawn where none is said, until a connection has proved it; the one before is taken until then',
      ttlMs: CHANGE_TTL_MS,
      idempotent: true,
    },
    z.object({
      /** The API draws one where none is said: 40 hex digits, which a station of 1.6 may read as text or as 20 bytes. */
      password: z
        .string()
        .regex(PASSWORD, 'is no password of OCPP: 16 to 40 of A-Z a-z 0-9 * - _ = : + | @ .')
        .optional(),
      ...sparing,
    }),
  )
    .v16('ChangeConfiguration', ({ password }) => ({ key: 'AuthorizationKey', value: drawn(password) }))
    .v2('SetVariables', ({ password }) => ({
      setVariableData: [
        {
          component: { name: 'SecurityCtrlr' },
          variable: { name: 'BasicAuthPassword' },
          attributeValue: drawn(password),
        },
      ],
    })),

  RotateCertificate: command(
    {
      group: 'Security',
      summary:
        'Has the station ask for a certificate, signs it, and waits until a connection has proved it (profile 3); the one before is taken until then',
      ttlMs: CHANGE_TTL_MS,
      idempotent: true,
    },
    z.object(sparing),
  )
    .v16('ExtendedTriggerMessage', () => ({ requestedMessage: 'SignChargePointCertificate' as const }))
    .v2('TriggerMessage', () => ({ requestedMessage: 'SignChargingStationCertificate' as const })),

  UpgradeSecurityProfile: command(
    {
      group: 'Security',
      summary:
        'Takes the station to a higher security profile, once it has what that needs; what it came with before stays good until a connection has proved the new one',
      ttlMs: CHANGE_TTL_MS,
      idempotent: true,
    },
    z.object({
      profile: z.int().min(1).max(3),
      /** 2.x: where the station connects then, without its identity; else where the site listens. */
      url: z
        .url({ protocol: /^wss?$/ })
        .max(512)
        .optional(),
      /** 2.x: the slot that is written; else one that is not in use. */
      slot: z.int().min(0).optional(),
      /** 2.x. */
      ocppInterface: z.string().max(20).default('Wired0'),
      /** 2.x: how long the station waits for an answer. */
      messageTimeout: part.seconds.default(30),
      /** Whether the certificate of the site's CA is installed where the station has no root certificate for the site. */
      installRoot: z.boolean().default(false),
      ...sparing,
    }),
  )
    .v16('ChangeConfiguration', ({ profile, url, slot }, context) => {
      const why = "where a station of 1.6 connects to is set by its maker's own means"
      refuseUnless(context.version, { url, slot }, { url: why, slot: why })
      urlOf(profile, undefined, context)
      return { key: 'SecurityProfile', value: String(profile) }
    })
    .v2('SetNetworkProfile', ({ profile, url, slot, ocppInterface, messageTimeout }, context) => ({
      configurationSlot: slot ?? 2,
      connectionData: {
        ocppVersion: context.version === '2.1' ? 'OCPP21' : 'OCPP20',
        ocppTransport: 'JSON',
        ocppCsmsUrl: urlOf(profile, url, context),
        messageTimeout,
        securityProfile: profile,
        ocppInterface: ocppInterface as OCPPInterfaceEnumType,
      } as NetworkConnectionProfileType & { ocppVersion: 'OCPP20' },
    })),
}

function drawn(password: string | undefined): string {
  if (password === undefined) throw new CommandFault('InvalidArguments', 'args.password', 'is missing')
  return password
}

/** Throws where the site has no TLS port, and one is needed. */
function urlOf(profile: number, given: string | undefined, { siteUrl }: PlanContext): string {
  const url = siteUrl(profile)
  if (url === undefined)
    throw new CommandFault(
      'InvalidArguments',
      'args.profile',
      `profile ${profile} needs TLS, and the site of this station has no TLS port (OCPP_TLS_PORT of its controller)`,
    )
  if (profile > 1 && given?.startsWith('ws:'))
    throw new CommandFault('InvalidArguments', 'args.url', `profile ${profile} needs TLS: wss://`)
  return given ?? url
}
