/** Types of every OCPP 2.0.1 request and response, and `Messages`: action -> request, response. */
export type * from '../../generated/v201/types.ts'
