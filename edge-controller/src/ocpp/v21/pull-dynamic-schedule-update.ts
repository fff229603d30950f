/** PullDynamicScheduleUpdate (2.1, K28): the site has given no dynamic profile that it could update. */
import type { PullDynamicScheduleUpdateResponse } from '@switchyard/protocol/ocpp/v21.ts'
import { NOTHING } from '../../site-state.ts'
import type { Decision } from '../handler.ts'

export function dynamicScheduleUpdate(): Decision<PullDynamicScheduleUpdateResponse> {
  const statusInfo = {
    reasonCode: 'InvalidProfileId',
    additionalInfo: 'no dynamic profile of that id is kept here',
  }
  return { reply: { status: 'Rejected', statusInfo }, outcome: NOTHING }
}
