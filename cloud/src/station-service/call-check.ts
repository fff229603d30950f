/** A raw call is held against the official schema of the station's OCPP version before it is sent, so that a mistake is told where it is. */
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { OCPP_VERSIONS } from '@switchyard/protocol/ocpp/version.ts'
import { invalid } from '../platform/http/problem.ts'

/** Throws 422. A station whose version is not known yet is not checked here; its controller checks in any case. */
export async function checkCall(
  ocpp: string | null,
  { action, payload }: { action: string; payload: unknown },
  /** Where the call stands in the request body, e.g. "args.". */
  prefix = '',
): Promise<void> {
  const version = OCPP_VERSIONS.find((v) => v === ocpp)
  if (version === undefined) return
  const checks = (await loadValidators(version)).find(action)
  if (checks === undefined) {
    throw invalid([{ path: `${prefix}action`, message: `OCPP ${version} has no action ${action}` }])
  }
  const errors = checks.request(payload)
  if (errors.length === 0) return
  throw invalid(
    errors.map((e) => ({ path: `${prefix}payload${e.path.replaceAll('/', '.')}`, message: e.message })),
  )
}
