/**
 * Documents: desired state that goes down to a site whole. A version is (cloud generation, n); within a generation the
 * applied version never decreases (invariant I7).
 */
import { z } from 'zod'
import { tariff } from '../pricing/tariff.ts'
import { MAX_WANTED_MONITORS, wantedMonitor } from './monitor.ts'
import { MAX_WANTED_SETTINGS, wantedSetting } from './setting.ts'

/** Which quirks stations have or have not, by name; a name that this version does not know says nothing to it. */
export const quirkWishes = z.record(z.string().max(64), z.boolean())

/** Who may charge: what authorization at the site decides from. One document for a tenant. */
export const tokensDocument = z.object({
  tokens: z.array(
    z.object({
      idToken: z.string(),
      type: z.string(),
      /** Accepted, Blocked, Expired, Invalid: OCPP's words. */
      status: z.enum(['Accepted', 'Blocked', 'Expired', 'Invalid']),
      expiresAt: z.string().optional(),
      groupId: z.string().optional(),
      /** Told to 2.x stations (IdTokenInfoType): -9 to 9; RFC 5646; what its driver is shown. */
      chargingPriority: z.int().optional(),
      language: z.string().optional(),
      personalMessage: z.string().optional(),
    }),
  ),
})

/** Passwords of one station that were given up without its having said no; with one more, another rotation is refused. */
export const MAX_EARLIER_PASSWORDS = 3

/** What the site shall know of its stations. */
export const stationsDocument = z.object({
  stations: z.array(
    z.object({
      stationId: z.string(),
      approved: z.boolean(),
      /** Turned away: its boots are answered Rejected. Only beside `approved: false`. */
      rejected: z.boolean().optional(),
      /** scrypt, as `scrypt$N$r$p$salt$hash` in base64url; absent: no password asked for. */
      passwordHash: z.string().optional(),
      /** A password on its way to the station: both are taken until this one was used, then only this one (A01). */
      next: z.object({ id: z.string(), passwordHash: z.string() }).optional(),
      /** Passwords of earlier rotations that the station may hold, though nobody saw it use them: taken until `next` was used. */
      earlier: z.array(z.string()).max(MAX_EARLIER_PASSWORDS).optional(),
      /** Lowest OCPP security profile (0 to 3) that it may connect with. */
      minProfile: z.int().min(0).max(3).optional(),
      /** Changes when an operator gives up the highest profile that the station has proved: it is counted anew from then on. */
      profileReset: z.string().optional(),
      /** Common name of its certificate, where that is not its identity: its serial number, by A02. */
      certificateCn: z.string().optional(),
      /** Serial numbers of its certificates that are not taken any more; hex, upper case. */
      revokedCertificates: z.array(z.string()).optional(),
      /** Changes when the station is removed: what the site knows of it from before is forgotten. */
      removal: z.string().optional(),
      /** Nothing of this entry holds but `removal`. */
      removed: z.boolean().optional(),
      /** Items that it takes in one message, by action, whatever it tells. */
      itemsPerMessage: z.record(z.string(), z.int().min(1)).optional(),
      /** false: the metering baseline is not set on this station. */
      baseline: z.boolean().optional(),
      /** false: the failsafe limit is not installed on this station; load control reckons with all that it may draw. */
      failsafe: z.boolean().optional(),
      /** What it shall be set to; goes before the baseline, and before what is wanted of its model. */
      settings: z.array(wantedSetting).max(MAX_WANTED_SETTINGS).optional(),
      /** Monitors that it shall have (2.x); go before what is wanted of its model. */
      monitors: z.array(wantedMonitor).max(MAX_WANTED_MONITORS).optional(),
      /** Quirks that it has (true) or has not, whatever is known of its model. */
      quirks: quirkWishes.optional(),
      /** Largest power of one connector, W; the bound for plausibility. */
      maxPowerW: z.int().optional(),
    }),
  ),
})

/** Most root certificates of contracts, and the longest PEM text of one. */
export const MAX_CONTRACT_ROOTS = 20
const MAX_ROOT_CHARS = 8_000

/** How a site decides who may charge, beyond its tokens. */
export const authorizationPolicy = z.object({
  /** On a token that the site does not know while the cloud cannot be asked; absent: as the controller is configured. */
  offlinePolicy: z.enum(['accept', 'refuse']).optional(),
  /** Sessions of such tokens that may run at the site at a time; one more is refused. */
  offlineMaxSessions: z.int().min(0).max(10_000).optional(),
  /** Energy after which the site stops such a session, Wh. */
  offlineMaxWh: z.int().min(1).max(1_000_000).optional(),
  /** Whether the local lists of its stations are kept in step with the tokens; absent: they are not. */
  localList: z.boolean().optional(),
  /** Tokens of this group end any session, and start none (2.0.1 use case C16). */
  masterPassGroupId: z.string().min(1).max(36).optional(),
  /** On who pays at a payment terminal (2.1 idTokens of type DirectPayment: C18, C24, C25); absent: accept. */
  directPayment: z.enum(['accept', 'refuse']).optional(),
  /** Roots of contract certificates (V2G or mobility operators), PEM: Plug & Charge is judged by them at the site (C07). */
  contractRoots: z.array(z.string().max(MAX_ROOT_CHARS)).max(MAX_CONTRACT_ROOTS).optional(),
  /** CAs, PEM, whose word on what they have revoked is taken, beside those roots: issuers of the certificates that stations ask about (M07). */
  statusIssuers: z.array(z.string().max(MAX_ROOT_CHARS)).max(MAX_CONTRACT_ROOTS).optional(),
  /** On a contract whose chain is in order, and of which no OCSP answer is to be had on whether it was revoked; absent: refuse (C07.FR.05). */
  contractWithoutStatus: z.enum(['accept', 'refuse']).optional(),
})
export type AuthorizationPolicy = z.infer<typeof authorizationPolicy>

/** Site-wide settings. Limits can only tighten what the site's own configuration allows. */
export const siteDocument = z.object({
  /** mA per phase; the site takes the lower of this and its own. */
  limitMa: z.int().min(0).optional(),
  baseline: z.boolean().optional(),
  failsafe: z.boolean().optional(),
  /** Where `authorization` does not say. */
  offlinePolicy: z.enum(['accept', 'refuse']).optional(),
  authorization: authorizationPolicy.optional(),
  timeZone: z.string().optional(),
  /** Whether stations are told what their sessions cost, beyond what they ask for; absent: they are not. */
  runningCost: z.boolean().optional(),
})

/** Tariffs by where they apply: the site tells running cost with them. */
export const tariffsDocument = z.object({
  default: tariff.optional(),
  byStation: z.record(z.string(), tariff),
})

/** Most models of which a tenant wants settings. */
export const MAX_WANTED_MODELS = 200

/** What all stations of a model shall be set to, and which quirks they have. One document for a tenant; vendor and model as a boot tells them. */
export const modelsDocument = z.object({
  models: z
    .array(
      z.object({
        vendor: z.string(),
        model: z.string(),
        settings: z.array(wantedSetting).max(MAX_WANTED_SETTINGS),
        monitors: z.array(wantedMonitor).max(MAX_WANTED_MONITORS).optional(),
        quirks: quirkWishes.optional(),
      }),
    )
    .max(MAX_WANTED_MODELS),
})

export const documents = {
  tokens: tokensDocument,
  stations: stationsDocument,
  site: siteDocument,
  tariffs: tariffsDocument,
  models: modelsDocument,
} as const
export type DocumentName = keyof typeof documents
export type DocumentBody<N extends DocumentName> = z.infer<(typeof documents)[N]>
export const DOCUMENT_NAMES = Object.keys(documents) as DocumentName[]

export const documentVersion = z.object({ generation: z.string(), n: z.int().min(1) })
export type DocumentVersion = z.infer<typeof documentVersion>

/** Largest document, bytes of JSON after joining its chunks. */
export const MAX_DOCUMENT_BYTES = 32 * 1024 * 1024
/** Bytes of JSON text in one chunk. */
export const DOCUMENT_CHUNK_BYTES = 256 * 1024
