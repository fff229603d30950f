/** Types of every OCPP 2.1 request and response, and `Messages`: action -> request, response. */
export type * from '../../generated/v21/types.ts'
