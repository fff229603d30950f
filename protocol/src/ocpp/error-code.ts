import type { SchemaError } from './validators.ts'
import type { OcppVersion } from './version.ts'

/** Error codes of OCPP-J 1.6, section 4.2.3, in that document's own spelling. */
export type ErrorCode16 =
  | 'NotImplemented'
  | 'NotSupported'
  | 'InternalError'
  | 'ProtocolError'
  | 'SecurityError'
  | 'FormationViolation'
  | 'PropertyConstraintViolation'
  | 'OccurenceConstraintViolation'
  | 'TypeConstraintViolation'
  | 'GenericError'

/** Error codes of OCPP 2.0.1 and 2.1, part 4, section 4.3. */
export type ErrorCode2 =
  | 'NotImplemented'
  | 'NotSupported'
  | 'InternalError'
  | 'ProtocolError'
  | 'SecurityError'
  | 'FormatViolation'
  | 'PropertyConstraintViolation'
  | 'OccurrenceConstraintViolation'
  | 'TypeConstraintViolation'
  | 'GenericError'
  | 'MessageTypeNotSupported'
  | 'RpcFrameworkError'

export type ErrorCode = ErrorCode16 | ErrorCode2

/** The version's code for a payload that is not shaped as the action asks. */
export function formatError(version: OcppVersion): ErrorCode {
  return version === '1.6' ? 'FormationViolation' : 'FormatViolation'
}

/** The version's code for a frame that is no RPC message; 1.6 has no code of its own for that. */
export function frameworkError(version: OcppVersion): ErrorCode {
  return version === '1.6' ? 'FormationViolation' : 'RpcFrameworkError'
}

/** The version's code for a message type number that it does not know. */
export function messageTypeError(version: OcppVersion): ErrorCode {
  return version === '1.6' ? 'FormationViolation' : 'MessageTypeNotSupported'
}

/** The version's code for what a payload's schema check found; the first violation decides. */
export function errorCodeFor(version: OcppVersion, errors: readonly SchemaError[]): ErrorCode {
  switch (errors[0]?.keyword) {
    case 'type':
      // A payload that is not an object at all is not a payload of the action.
      return errors[0].path === '' ? formatError(version) : 'TypeConstraintViolation'
    case 'required':
    case 'minItems':
    case 'maxItems':
      // The standard spells it with one r in 1.6 and with two from 2.0.1 on.
      return version === '1.6' ? 'OccurenceConstraintViolation' : 'OccurrenceConstraintViolation'
    case 'enum':
    case 'format':
    case 'maxLength':
    case 'minimum':
    case 'maximum':
    case 'multipleOf':
      return 'PropertyConstraintViolation'
    default:
      return formatError(version)
  }
}

/** CALLERROR descriptions are strings of at most 255 characters in every version. */
const DESCRIPTION_MAX_CHARS = 255

/** The errors as one line for a CALLERROR's description. */
export function describeErrors(errors: readonly SchemaError[]): string {
  return errors
    .map(({ path, message }) => `${path === '' ? 'payload' : path} ${message}`)
    .join('; ')
    .slice(0, DESCRIPTION_MAX_CHARS)
}
