/** Firmware images, as the API shows them. */
import { z } from 'zod'
import { MAX_FIRMWARE_BYTES } from '../site/file.ts'

export const firmwareInput = z
  .strictObject({
    vendor: z.string().min(1).max(255),
    model: z.string().min(1).max(255).optional(),
    version: z.string().min(1).max(255),
    bytes: z.int().min(1).max(MAX_FIRMWARE_BYTES),
    /** Of the image, hexadecimal. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no sha256 in lower-case hexadecimal'),
    /** Of a signed image, base64; together with its certificate. */
    signature: z.string().min(1).max(800).optional(),
    /** PEM. */
    signingCertificate: z.string().min(1).max(5_500).optional(),
  })
  .refine((it) => (it.signature === undefined) === (it.signingCertificate === undefined), {
    path: ['signature'],
    message: 'signature and signingCertificate go together',
  })
  .meta({ id: 'FirmwareInput' })

export const firmware = z
  .object({
    firmwareId: z.string(),
    vendor: z.string(),
    model: z.string().nullable(),
    version: z.string(),
    bytes: z.int(),
    /** What has come: the next piece begins here. */
    bytesHere: z.int(),
    sha256: z.string(),
    signed: z.boolean(),
    /** `ready`: whole and verified. */
    status: z.enum(['incomplete', 'ready']),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Firmware' })
export type Firmware = z.infer<typeof firmware>
