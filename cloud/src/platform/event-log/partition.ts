/** Which log partition a site, or a tenant's own fact, belongs to. The same function stands in SQL as log.partition_of. */
import { LOG_PARTITIONS } from './entry.ts'

/** FNV-1a, 32 bits, over the UTF-8 bytes. Never to be changed: it decides where entries already lie. */
export function partitionOf(key: string): number {
  let hash = 2_166_136_261
  for (const byte of Buffer.from(key, 'utf8')) hash = Math.imul(hash ^ byte, 16_777_619) >>> 0
  return hash % LOG_PARTITIONS
}
