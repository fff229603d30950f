/** The root certificates that a station says it has (GetInstalledCertificateIds), held against that of the site. */
import { X509Certificate } from 'node:crypto'
import type { JsonObject } from '@switchyard/protocol/json.ts'
import { z } from 'zod'

/** More of one kind no station holds; further ones are not looked at. */
const MAX_TOLD = 100

const named = z.object({
  hashAlgorithm: z.enum(['SHA256', 'SHA384', 'SHA512']),
  issuerNameHash: z.string(),
  issuerKeyHash: z.string(),
  serialNumber: z.string(),
})
type Named = z.infer<typeof named>

/** How many it tells. */
export function toldRoots(reply: JsonObject): number {
  return listIn(reply).length
}

/** Whether the site's root (PEM) is among them. What a station answers has passed no schema: what cannot be read is another's. */
export async function isToldIn(reply: JsonObject, root: string): Promise<boolean> {
  // It reads DER with a large library: loaded where it is needed only.
  const { isNamedBy } = await import('@switchyard/protocol/certificates/certificate-id.ts')
  const { raw } = new X509Certificate(root)
  for (const it of listIn(reply).slice(0, MAX_TOLD)) {
    const id = read(it)
    if (id && (await isNamedBy(id, raw))) return true
  }
  return false
}

/** 1.6 lists the hashes, 2.x chains of them. */
function listIn({ certificateHashData, certificateHashDataChain }: JsonObject): unknown[] {
  const list = certificateHashData ?? certificateHashDataChain
  return Array.isArray(list) ? list : []
}

function read(it: unknown): Named | undefined {
  const direct = named.safeParse(it)
  if (direct.success) return direct.data
  return z.object({ certificateHashData: named }).safeParse(it).data?.certificateHashData
}
