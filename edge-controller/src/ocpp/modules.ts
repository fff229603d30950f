/** The OCPP versions that are spoken, each with what it brings. */
import type { OcppVersion } from '@switchyard/protocol/ocpp/version.ts'
import type { OcppModule } from './module.ts'
import { v16 } from './v16/module.ts'
import { v21 } from './v21/module.ts'
import { v201 } from './v201/module.ts'

export const MODULES: Partial<Record<OcppVersion, OcppModule>> = {
  '1.6': v16,
  '2.0.1': v201,
  '2.1': v21,
}
/** What the server offers. */
export const SPOKEN_VERSIONS = Object.keys(MODULES) as OcppVersion[]
