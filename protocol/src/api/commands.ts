/** Commands and raw calls as the API takes and shows them. What a client sends is read strictly. */
import { z } from 'zod'
import { actionsOf, COMMANDS, type CommandKind } from '../command/commands.ts'
import { anyJson } from '../json.ts'
import { OCPP_VERSIONS } from '../ocpp/version.ts'
import { MAX_TTL_MS } from '../site/command.ts'

/** Life of a command, ms; each kind has a default of its own. */
const ttlMs = z.int().min(1_000).max(MAX_TTL_MS).optional()

/** What a client sends; defaults may be left out. */
export type CommandInput = {
  [K in CommandKind]: { kind: K; args: z.input<(typeof COMMANDS)[K]['args']>; ttlMs?: number | undefined }
}[CommandKind]
/** The same, with defaults in their place. */
export type ReadCommand = {
  [K in CommandKind]: { kind: K; args: z.output<(typeof COMMANDS)[K]['args']>; ttlMs?: number | undefined }
}[CommandKind]

const inputs = Object.entries(COMMANDS).map(([kind, { about, args }]) => {
  const calls = OCPP_VERSIONS.flatMap((version) => {
    const actions = actionsOf(kind as CommandKind, version)
    return actions.length === 0 ? [] : [`${version}: ${actions.join(' or ')}`]
  })
  const becomes = calls.length === 0 ? '' : ` OCPP ${calls.join('; ')}.`
  const life = `Lives ${about.ttlMs / 1000} s unless \`ttlMs\` says otherwise.`
  const description = `${about.group}. ${about.summary}.${becomes} ${life}`
  return z.strictObject({ kind: z.literal(kind), args: args.strict(), ttlMs }).meta({ description })
})
export const commandInput = z.discriminatedUnion(
  'kind',
  inputs as [(typeof inputs)[number], ...typeof inputs],
) as unknown as z.ZodType<ReadCommand, CommandInput>

const told = { status: z.string(), at: z.iso.datetime() }
/** What a station says of a firmware update or an upload, in OCPP's words. `at` of an item is when it was said first, by the site's clock. */
export const commandProgress = z.object({
  ...told,
  /** Oldest first, the newest 24. */
  history: z.array(z.object(told)),
})
export type CommandProgress = z.infer<typeof commandProgress>

export const commandResource = z
  .object({
    commandId: z.string(),
    siteId: z.string(),
    stationId: z.string(),
    kind: z.string(),
    args: anyJson,
    issuedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    status: z.enum(['pending', 'accepted', 'rejected', 'failed', 'expired', 'unknown']),
    /** The station's own reply; where a command was several calls, `{calls: [{action, status, reply | error}]}`; with the report that followed, where one did. */
    reply: anyJson.nullable(),
    error: z.object({ code: z.string(), description: z.string() }).nullable(),
    finishedAt: z.iso.datetime().nullable(),
    /** How far what it asked for has come, as the station tells it afterwards (firmware, logs, diagnostics); null: it has told nothing. */
    progress: commandProgress.nullable(),
  })
  .meta({ id: 'Command' })
export type CommandResource = z.infer<typeof commandResource>
export const callInput = z.strictObject({
  action: z.string().min(1).max(64),
  payload: z.record(z.string(), anyJson).default({}),
})
