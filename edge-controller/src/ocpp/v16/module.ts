import type { OcppModule } from '../module.ts'
import { setBaseline } from './baseline.ts'
import { failsafeProfile, limitProfile } from './profiles.ts'
import { routes } from './routes.ts'

/** OCPP 1.6. */
export const v16: OcppModule = {
  version: '1.6',
  routes,
  setBaseline,
  failsafeProfile,
  limitProfile,
}
