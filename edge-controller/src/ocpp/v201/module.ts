import type { OcppModule } from '../module.ts'
import { cost } from './cost.ts'
import { failsafeProfile, limitProfile } from './profiles.ts'
import { routes } from './routes.ts'
import { settings } from './settings.ts'

/** OCPP 2.0.1. */
export const v201: OcppModule = {
  version: '2.0.1',
  routes,
  settings,
  cost,
  harmless: {
    action: 'GetVariables',
    payload: {
      getVariableData: [{ component: { name: 'OCPPCommCtrlr' }, variable: { name: 'HeartbeatInterval' } }],
    },
  },
  failsafeProfile,
  limitProfile,
}
