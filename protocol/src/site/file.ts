/**
 * Files that go between a site and site-gateway over HTTPS, beside MQTT: in pieces, so that what was there before a cut is not
 * sent again. The site offers a file, is told how much of it the cloud has, and sends the rest piece by piece.
 */
import { z } from 'zod'

/** Logs by the names of OCPP's `logType`. */
export const UPLOAD_KINDS = ['DiagnosticsLog', 'SecurityLog', 'DataCollectorLog'] as const
export type UploadKind = (typeof UPLOAD_KINDS)[number]

/** Largest file that a station may upload. */
export const MAX_UPLOAD_BYTES = 64 * 1024 * 1024
/** Bytes of each piece on its way to the cloud, but for the last. */
export const PIECE_BYTES = 1024 * 1024

/** A file that a station has uploaded at its site. */
export const uploadOffer = z.object({
  stationId: z.string().min(1).max(64),
  /** The command that asked for it. */
  commandId: z.string().min(1).max(64),
  kind: z.enum(UPLOAD_KINDS),
  /** As the station named it in its request; null: it did not. */
  name: z
    .string()
    .regex(/^[\w.-]{1,128}$/)
    .nullable(),
  bytes: z.int().min(0).max(MAX_UPLOAD_BYTES),
  /** Of the whole, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  receivedAt: z.iso.datetime(),
})
export type UploadOffer = z.infer<typeof uploadOffer>

/** How much of a file the cloud has; `complete` once it has verified the whole, and the site need not keep it. */
export const uploadProgress = z.object({ offset: z.int().min(0), complete: z.boolean() })
export type UploadProgress = z.infer<typeof uploadProgress>

/** PUT an offer here; a piece goes to `/{offset}` below it. The site signs in as at the broker, by basic authentication. */
export function uploadPath(siteId: string, fileId: string): string {
  return `/site/${siteId}/uploads/${fileId}`
}

/** Largest firmware image. */
export const MAX_FIRMWARE_BYTES = 256 * 1024 * 1024
export const FIRMWARE_ID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What a site is told of an image before it fetches it. */
export const firmwareMeta = z.object({
  bytes: z.int().min(1).max(MAX_FIRMWARE_BYTES),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Of a signed image: base64, and PEM. */
  signature: z.string().nullable(),
  signingCertificate: z.string().nullable(),
})
export type FirmwareMeta = z.infer<typeof firmwareMeta>

/** GET tells of the image; `/{offset}` below it is the piece that begins there, a multiple of PIECE_BYTES. */
export function firmwarePath(siteId: string, firmwareId: string): string {
  return `/site/${siteId}/firmware/${firmwareId}`
}
