/** A command or a raw call is put into the words of the station's OCPP version before anything is sent, so that a mistake is told where it is. */
import { type CommandKind, plan } from '@switchyard/protocol/command/commands.ts'
import { CommandFault } from '@switchyard/protocol/command/define.ts'
import { loadValidators } from '@switchyard/protocol/ocpp/validators.ts'
import { OCPP_VERSIONS } from '@switchyard/protocol/ocpp/version.ts'
import { invalid } from '../platform/http/problem.ts'

/**
 * Throws 422, with `prefix` of its paths left out. A station whose version is not known yet is not checked here; its controller
 * checks in any case, and alone knows the sessions that run.
 */
export async function checkCommand(
  ocpp: string | null,
  { kind, args }: { kind: CommandKind; args: unknown },
  prefix = '',
): Promise<void> {
  const version = OCPP_VERSIONS.find((v) => v === ocpp)
  if (version === undefined) return
  const validators = await loadValidators(version)
  try {
    plan(kind, args, validators, {
      version,
      // Any that there can be: which it is is known at the site.
      transactionIdOf: () => '1',
      drawId: () => 1,
      itemsPerMessage: () => undefined,
      bytesPerMessage: () => undefined,
      uploadLocation: () => 'http://site/',
      // Whether it has a TLS port is known there.
      siteUrl: () => 'wss://site/',
      // As if it were signed: more is allowed then.
      firmware: () => ({ location: 'http://site/', signature: 's', signingCertificate: 'c' }),
    })
  } catch (error) {
    if (!(error instanceof CommandFault)) throw error
    const path = error.path.startsWith(prefix) ? error.path.slice(prefix.length) : error.path
    throw invalid([{ path, message: error.message }])
  }
}
