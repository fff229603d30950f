/** An image brought to the API as docs/files.md says, in pieces. */
import { createHash } from 'node:crypto'
import type { Firmware } from '@switchyard/protocol/api/firmware.ts'
import { PIECE_BYTES } from '@switchyard/protocol/site/file.ts'
import type { Api } from './api.ts'

/** Gives the id of the image. */
export async function bringFirmware(
  api: Api,
  about: { vendor: string; version: string },
  image: Buffer,
): Promise<string> {
  const sha256 = createHash('sha256').update(image).digest('hex')
  const { firmwareId } = await api.post<Firmware>('/api/v1/firmware', {
    ...about,
    bytes: image.length,
    sha256,
  })
  for (let offset = 0; offset < image.length; offset += PIECE_BYTES) {
    const response = await fetch(`${api.base}/api/v1/firmware/${firmwareId}/content/${offset}`, {
      method: 'PUT',
      body: image.subarray(offset, offset + PIECE_BYTES) as unknown as string,
      ...api.signed(),
    })
    if (!response.ok) throw new Error(`the piece at ${offset} was answered ${response.status}`)
  }
  return firmwareId
}
