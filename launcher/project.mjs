import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout this launcher belongs to. */
export const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)))
