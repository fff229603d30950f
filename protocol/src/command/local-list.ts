/** Commands about tokens that a station knows or holds a place for: OCPP 1.6 sections 5.1, 5.10, 5.13, 5.15; 2.x use cases D01, D02, H01, H02. */
import { z } from 'zod'
import type { LocalAuthorizationList } from '../ocpp/v16.ts'
import type { AuthorizationData, AuthorizationStatusEnumType } from '../ocpp/v201.ts'
import { CommandFault, call, command, inMessages, type PlanContext, refuseUnless } from './define.ts'
import * as part from './parts.ts'

const DAY_MS = 24 * 3_600_000
/** Most tokens in one command: what an API body and a fact hold well. */
export const MAX_LIST_ENTRIES = 2_000

const entry = z.strictObject({
  idToken: part.idToken,
  /** Absent in a differential list: the token is removed. */
  status: z.string().max(20).optional(),
  expiresAt: part.instant.optional(),
  groupIdToken: part.idToken.optional(),
})
type Entry = z.infer<typeof entry>

function entry16({ idToken, status, expiresAt, groupIdToken }: Entry): LocalAuthorizationList {
  const idTagInfo = { status, expiryDate: expiresAt, parentIdTag: groupIdToken?.value }
  return { idTag: idToken.value, ...(status === undefined ? {} : { idTagInfo }) } as LocalAuthorizationList
}

function entry2({ idToken, status, expiresAt, groupIdToken }: Entry): AuthorizationData {
  const idTokenInfo = status !== undefined && {
    status: status as AuthorizationStatusEnumType,
    cacheExpiryDateTime: expiresAt,
    groupIdToken: groupIdToken && part.idTokenType(groupIdToken),
  }
  return {
    idToken: part.idTokenType(idToken),
    ...(idTokenInfo ? { idTokenInfo } : {}),
  } as AuthorizationData
}

interface List<T> {
  updateType: 'Full' | 'Differential'
  versionNumber: number
  /** As they stand in the payload. */
  entries: T[]
}

/**
 * The list in parts that the station takes, each with a version of its own so that a differential one is newer than the last
 * (D01.FR.05); the last has the version that was asked for.
 */
function listParts<T>({ updateType, versionNumber, entries }: List<T>, context: PlanContext) {
  const parts = inMessages(entries, context, 'SendLocalList')
  if (versionNumber < parts.length)
    throw new CommandFault(
      'InvalidArguments',
      'args.versionNumber',
      `must be at least ${parts.length}: the station takes this list in ${parts.length} messages, each with its version`,
    )
  return parts.map((some, index) => ({
    some: some.length > 0 ? some : undefined,
    version: versionNumber - (parts.length - 1 - index),
    updateType: index === 0 ? updateType : ('Differential' as const),
  }))
}

export const localList = {
  SendLocalList: command(
    {
      group: 'Local list',
      summary:
        'Replaces (Full) or changes (Differential) the local list of tokens, in parts as the station takes them',
      ttlMs: DAY_MS,
      inOrder: true,
    },
    z.object({
      updateType: z.enum(['Full', 'Differential']),
      versionNumber: z.int().min(1).max(2_147_483_647),
      entries: z.array(entry).max(MAX_LIST_ENTRIES).optional(),
    }),
  )
    .calls(['1.6'], ['SendLocalList'], (args, context) =>
      listParts({ ...args, entries: (args.entries ?? []).map(entry16) }, context).map(
        ({ some, version, updateType }) =>
          call('SendLocalList', { listVersion: version, localAuthorizationList: some, updateType }),
      ),
    )
    .calls(['2.0.1', '2.1'], ['SendLocalList'], (args, context) =>
      listParts({ ...args, entries: (args.entries ?? []).map(entry2) }, context).map(
        ({ some, version, updateType }) =>
          call('SendLocalList', { versionNumber: version, localAuthorizationList: some, updateType }),
      ),
    ),

  GetLocalListVersion: command(
    {
      group: 'Local list',
      summary: 'Asks which version of the local list the station has',
      ttlMs: 60_000,
      idempotent: true,
    },
    z.object({}),
  )
    .v16('GetLocalListVersion', () => ({}))
    .v2('GetLocalListVersion', () => ({})),
}

export const reservations = {
  ReserveNow: command(
    {
      group: 'Reservations',
      summary: 'Keeps an EVSE, or any one, free for a token until a time',
      ttlMs: 30_000,
    },
    z.object({
      reservationId: z.int().min(0).max(2_147_483_647),
      expiresAt: part.instant,
      idToken: part.idToken,
      groupIdToken: part.idToken.optional(),
      evseId: part.evseId.optional(),
      /** Any EVSE with such a connector (2.x). */
      connectorType: z.string().max(20).optional(),
    }),
  )
    .v16('ReserveNow', (args, { version }) => {
      refuseUnless(
        version,
        { connectorType: args.connectorType },
        { connectorType: 'a connector is reserved' },
      )
      return {
        connectorId: args.evseId ?? 0,
        expiryDate: args.expiresAt,
        idTag: args.idToken.value,
        parentIdTag: args.groupIdToken?.value,
        reservationId: args.reservationId,
      }
    })
    .v2('ReserveNow', (args) => ({
      id: args.reservationId,
      expiryDateTime: args.expiresAt,
      connectorType: args.connectorType,
      idToken: part.idTokenType(args.idToken),
      evseId: args.evseId,
      groupIdToken: args.groupIdToken && part.idTokenType(args.groupIdToken),
    })),

  CancelReservation: command(
    { group: 'Reservations', summary: 'Takes a reservation back', ttlMs: 60_000 },
    z.object({ reservationId: z.int().min(0).max(2_147_483_647) }),
  )
    .v16('CancelReservation', (args) => args)
    .v2('CancelReservation', (args) => args),
}
