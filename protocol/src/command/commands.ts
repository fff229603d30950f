/** All commands in one table, and how one becomes calls to a station of some OCPP version. */
import { z } from 'zod'
import { anyJson } from '../json.ts'
import { describeErrors } from '../ocpp/error-code.ts'
import type { Validators } from '../ocpp/validators.ts'
import { OCPP_VERSIONS, type OcppVersion } from '../ocpp/version.ts'
import { chargingProfiles } from './charging-profiles.ts'
import { CommandFault, call, command, type OutgoingCall, type PlanContext } from './define.ts'
import { displayAndDrivers, energyResources, tariffs } from './drivers-and-energy.ts'
import { localList, reservations } from './local-list.ts'

export { MAX_LIST_ENTRIES } from './local-list.ts'

import { certificates, firmwareAndLogs } from './maintenance.ts'
import { monitoring } from './monitoring.ts'
import { securityChanges } from './security.ts'
import { sessions } from './sessions.ts'
import { settings } from './settings.ts'
import { station } from './station.ts'

const { DataTransfer, ...stationCommands } = station

/** kind -> definition. Kinds have OCPP's own names; settings, which its versions name differently, have ours. */
export const COMMANDS = {
  ...sessions,
  ...stationCommands,
  ...settings,
  ...monitoring,
  ...chargingProfiles,
  ...localList,
  ...reservations,
  ...firmwareAndLogs,
  ...certificates,
  ...securityChanges,
  ...displayAndDrivers,
  ...tariffs,
  ...energyResources,
  DataTransfer,
  'ocpp.call': command(
    {
      group: 'Anything else',
      summary: "Any action of the station's OCPP version, as its schema has it",
      ttlMs: 30_000,
    },
    z.object({ action: z.string().min(1).max(64), payload: z.record(z.string(), anyJson) }),
  ).calls(OCPP_VERSIONS, [], ({ action, payload }) => [call(action, payload)]),
} as const

/** Changes of how a station proves who it is: several calls and a connection, one of them at a time for each station. */
export const SECURITY_CHANGES = Object.keys(securityChanges) as (keyof typeof securityChanges)[]
export function isSecurityChange(kind: string): kind is keyof typeof securityChanges {
  return Object.hasOwn(securityChanges, kind)
}

export type CommandKind = keyof typeof COMMANDS
export type CommandArgs<K extends CommandKind> = z.infer<(typeof COMMANDS)[K]['args']>
export const COMMAND_KINDS = Object.keys(COMMANDS) as CommandKind[]

export function isCommandKind(kind: string): kind is CommandKind {
  return Object.hasOwn(COMMANDS, kind)
}

/** Whether a command may be tried again after a crash in between; all others end as `unknown`. */
export function mayRepeat(kind: string): boolean {
  return isCommandKind(kind) && COMMANDS[kind].about.idempotent === true
}

/**
 * The calls that a command is, each valid by the schema of the station's version; at least one. `args` has passed the kind's
 * shape. Throws CommandFault for what the version cannot do and for what its schema does not allow.
 */
export function plan(
  kind: CommandKind,
  args: unknown,
  validators: Validators,
  context: PlanContext,
): OutgoingCall[] {
  const { version } = validators
  const { ways } = COMMANDS[kind]
  const way = ways[version]
  if (!way) {
    const spoken = OCPP_VERSIONS.filter((it) => ways[it] !== undefined)
    throw new CommandFault(
      'NotInVersion',
      'kind',
      `OCPP ${version} has no ${kind}; it is there in ${spoken.join(' and ')}`,
    )
  }
  const calls = (way.build as (args: unknown, context: PlanContext) => OutgoingCall[])(args, context)
  for (const { action, payload } of calls) {
    const checks = validators.find(action)
    if (!checks)
      throw new CommandFault('NotInVersion', 'args.action', `OCPP ${version} has no action ${action}`)
    const errors = checks.request(payload)
    if (errors.length > 0)
      throw new CommandFault(
        'InvalidArguments',
        pathInArgs(errors[0]!.path, kind, args),
        kind === 'ocpp.call'
          ? errors[0]!.message
          : `${errors[0]!.message} (${action} of OCPP ${version}: ${describeErrors(errors)})`,
      )
  }
  return calls
}

/** Where in the arguments that stands of which a schema complains: by the same names, as far as they are the same. */
function pathInArgs(pointer: string, kind: CommandKind, args: unknown): string {
  if (kind === 'ocpp.call') return `args.payload${pointer.replaceAll('/', '.')}`
  const names = pointer.split('/').slice(1)
  const own = args as Record<string, unknown>
  const [first] = names
  return first !== undefined && Object.hasOwn(own, first) ? `args.${names.join('.')}` : 'args'
}

/** The actions that a kind can become in a version; none where it has none, or any (`ocpp.call`). */
export function actionsOf(kind: CommandKind, version: OcppVersion): readonly string[] {
  return COMMANDS[kind].ways[version]?.actions ?? []
}
