import type { OcppModule } from '../module.ts'
import { v201 } from '../v201/module.ts'
import { defaultTariff } from './default-tariff.ts'
import { routes } from './routes.ts'

/** OCPP 2.1: 2.0.1 and more. Its profiles and the variables of the baseline have the same names. */
export const v21: OcppModule = { ...v201, version: '2.1', routes, defaultTariff }
