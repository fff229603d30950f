/** Types of every OCPP 1.6 request and response, and `Messages`: action -> request, response. */
export type * from '../../generated/v16/types.ts'
