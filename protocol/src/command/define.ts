/**
 * What a command is: its arguments in words that hold for every OCPP version, and per version the calls that it becomes. Pure,
 * so that the API can tell what is wrong before anything is sent, with the same rules by which the site sends it.
 */
import type { z } from 'zod'
import type { JsonObject } from '../json.ts'
import type { Messages as V16 } from '../ocpp/v16.ts'
import type { Messages as V21 } from '../ocpp/v21.ts'
import type { Messages as V201 } from '../ocpp/v201.ts'
import type { OcppVersion } from '../ocpp/version.ts'
import type { UploadKind } from '../site/file.ts'

/** A call to a station: an action of its OCPP version, and the payload. */
export interface OutgoingCall {
  action: string
  payload: JsonObject
}

/** What a command needs to know besides its arguments. */
export interface PlanContext {
  version: OcppVersion
  /** OCPP's id of a session that runs on this station; undefined: there is no such session. */
  transactionIdOf(sessionId: string): string | undefined
  /** Draws the id by which the station refers to this command: a remote start or a request, positive, 31 bits. */
  drawId(): number
  /** Most items that the station takes in one message of an action, where it has told so. */
  itemsPerMessage(action: string): number | undefined
  /** Most bytes of one message of an action, where it has told so. */
  bytesPerMessage(action: string): number | undefined
  /** A place at the site to which the station may upload one file; undefined: the site takes none. */
  uploadLocation(kind: UploadKind): string | undefined
  /** An image where the station can read it from `fromMs` (wall clock) on; undefined: the site does not have it. */
  firmware(firmwareId: string, fromMs: number): PlacedFirmware | undefined
  /** Where stations reach the site with a security profile, without their identity; undefined: the site has no port for it. */
  siteUrl(profile: number): string | undefined
}

/** Where a station fetches an image, with what a signed one is installed by. */
export interface PlacedFirmware {
  location: string
  signature: string | null
  signingCertificate: string | null
}

/** Why a command cannot become calls: it is wrong, or the station's version has nothing for it. */
export class CommandFault extends Error {
  readonly code: 'NotInVersion' | 'InvalidArguments' | 'UnknownSession'
  /** Where in the command, e.g. "args.evseId" or "kind". */
  readonly path: string

  constructor(code: CommandFault['code'], path: string, message: string) {
    super(message)
    this.code = code
    this.path = path
  }
}

/** A field of the arguments that the station's version has no word for. */
export function notIn(version: OcppVersion, field: string, why: string): CommandFault {
  return new CommandFault('NotInVersion', `args.${field}`, `OCPP ${version}: ${why}`)
}

/** Refuses arguments that the station's version has no word for, rather than leaving them out unsaid. */
export function refuseUnless(
  version: OcppVersion,
  args: Readonly<Record<string, unknown>>,
  reasons: Readonly<Record<string, string>>,
): void {
  for (const [field, why] of Object.entries(reasons))
    if (args[field] !== undefined) throw notIn(version, field, why)
}

/** Chapters of the documentation, in the order of reading. */
export const COMMAND_GROUPS = [
  'Sessions',
  'Station',
  'Settings and reports',
  'Monitoring',
  'Charging profiles',
  'Local list',
  'Reservations',
  'Firmware and logs',
  'Certificates',
  'Security',
  'Display and drivers',
  'Tariffs',
  'Energy resources',
  'Anything else',
] as const
export type CommandGroup = (typeof COMMAND_GROUPS)[number]

/** What a station goes on to tell after its reply, by the same `requestId`, until a part says that none follows (`tbc`). */
export interface ReportWish {
  action: string
  /** The list within each part that makes up the report; absent: the parts themselves do. */
  items?: string
  /** Whether the call asks for it; absent: always. */
  isAsked?: (payload: JsonObject) => boolean
}

export interface About {
  group: CommandGroup
  /** One line, for the documentation. */
  summary: string
  /** How long it lives when nothing else is said, ms. */
  ttlMs: number
  /** Asking twice is as good as once: after a crash in between it is asked again. */
  idempotent?: boolean
  /** A call that is not accepted ends the command: those after it build on it. */
  inOrder?: boolean
  report?: ReportWish
}

export type Build<Args> = (args: Args, context: PlanContext) => OutgoingCall[]
interface Way<Args> {
  actions: readonly string[]
  build: Build<Args>
}

/** Like T, with `undefined` for what may be absent: it is left out of the payload. */
export type Loose<T> = T extends readonly (infer I)[]
  ? Loose<I>[]
  : T extends object
    ? { [K in keyof T]: Record<never, never> extends Pick<T, K> ? Loose<T[K]> | undefined : Loose<T[K]> }
    : T

type RequestOf<M, A extends keyof M> = M[A] extends { request: infer R } ? Loose<R> : never

/** A command under construction: each version's way is added to it. */
export class CommandDefinition<Shape extends z.ZodObject = z.ZodObject> {
  readonly about: About
  readonly args: Shape
  readonly ways: { readonly [V in OcppVersion]?: Way<z.infer<Shape>> }

  constructor(about: About, args: Shape, ways: { [V in OcppVersion]?: Way<z.infer<Shape>> } = {}) {
    this.about = about
    this.args = args
    this.ways = ways
  }

  /** In 1.6 (with its security extension) it is this one call. */
  v16<A extends keyof V16 & string>(
    action: A,
    payload: (args: z.infer<Shape>, context: PlanContext) => RequestOf<V16, A>,
  ): CommandDefinition<Shape> {
    return this.#one(['1.6'], action, payload)
  }

  /** In 2.0.1 and in 2.1 it is this one call, with the same payload. */
  v2<A extends keyof V201 & keyof V21 & string>(
    action: A,
    payload: (args: z.infer<Shape>, context: PlanContext) => RequestOf<V201, A> | RequestOf<V21, A>,
  ): CommandDefinition<Shape> {
    return this.#one(['2.0.1', '2.1'], action, payload)
  }

  /** It came with 2.1. */
  v21<A extends keyof V21 & string>(
    action: A,
    payload: (args: z.infer<Shape>, context: PlanContext) => RequestOf<V21, A>,
  ): CommandDefinition<Shape> {
    return this.#one(['2.1'], action, payload)
  }

  /** In these versions it may be any of these actions, or several calls. */
  calls(
    versions: readonly OcppVersion[],
    actions: readonly (keyof V16 | keyof V21)[],
    build: Build<z.infer<Shape>>,
  ): CommandDefinition<Shape> {
    return this.#with(versions, { actions, build })
  }

  #one(
    versions: readonly OcppVersion[],
    action: string,
    payload: (args: z.infer<Shape>, context: PlanContext) => unknown,
  ): CommandDefinition<Shape> {
    const build: Build<z.infer<Shape>> = (args, context) => [call(action, payload(args, context))]
    return this.#with(versions, { actions: [action], build })
  }

  #with(versions: readonly OcppVersion[], way: Way<z.infer<Shape>>): CommandDefinition<Shape> {
    const added = Object.fromEntries(versions.map((version) => [version, way]))
    return new CommandDefinition(this.about, this.args, { ...this.ways, ...added })
  }
}

export function command<Shape extends z.ZodObject>(about: About, args: Shape): CommandDefinition<Shape> {
  return new CommandDefinition(about, args)
}

/** A call with what is undefined left out of its payload. */
export function call(action: string, payload: unknown): OutgoingCall {
  return { action, payload: present(payload) as JsonObject }
}

function present(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(present)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, held]) => held !== undefined)
      .map(([name, held]) => [name, present(held)]),
  )
}

/** What a message has beside the items of its list, at most: the frame with its id and action, and the other fields of a list. */
const FRAME_BYTES = 250

/**
 * A list, as it stands in the payload, in parts of the size that the station takes in one message; whole where it has told none. At
 * least one part; an item that is longer than a message of its own may be goes in one nevertheless.
 */
export function inMessages<T>(items: readonly T[], context: PlanContext, action: string): T[][] {
  const most = Math.max(1, context.itemsPerMessage(action) ?? items.length)
  const room = (context.bytesPerMessage(action) ?? Number.POSITIVE_INFINITY) - FRAME_BYTES
  const parts: T[][] = [[]]
  let used = 0
  for (const item of items) {
    const bytes = room === Number.POSITIVE_INFINITY ? 0 : Buffer.byteLength(JSON.stringify(item)) + 1
    const part = parts.at(-1)!
    if (part.length > 0 && (part.length === most || used + bytes > room)) {
      parts.push([item])
      used = bytes
    } else {
      part.push(item)
      used += bytes
    }
  }
  return parts
}
