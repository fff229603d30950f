import type { ErrorCode } from '@switchyard/protocol/ocpp/error-code.ts'

/** A message that is shaped right and cannot be taken: its answer is a CALLERROR, and nothing is committed. */
export class OcppFault extends Error {
  override name = 'OcppFault'
  readonly code: ErrorCode
  constructor(code: ErrorCode, description: string) {
    super(description)
    this.code = code
  }
}
