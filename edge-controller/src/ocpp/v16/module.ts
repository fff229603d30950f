import type { OcppModule } from '../module.ts'
import { cost } from './cost.ts'
import { failsafeProfile, limitProfile } from './profiles.ts'
import { routes } from './routes.ts'
import { settings } from './settings.ts'

/** OCPP 1.6. */
export const v16: OcppModule = {
  version: '1.6',
  routes,
  settings,
  cost,
  harmless: { action: 'GetConfiguration', payload: { key: ['HeartbeatInterval'] } },
  failsafeProfile,
  limitProfile,
}
