/** Tokens made and changed in their table, told to billing, and on their way to the sites; and a token's row as a resource. */
import type { Token, tokenInput } from '@switchyard/protocol/api/shapes.ts'
import type { z } from 'zod'
import { conflict, invalid } from '../platform/http/problem.ts'
import type { ServiceContext } from '../platform/service.ts'
import { knownDrivers, type TokenRow, type TokenStatus, upsertTokens } from './queries.ts'
import { MAX_TOKENS, markChanged, type TokensPublisher } from './tokens-document.ts'

export type TokenRead = z.infer<typeof tokenInput>

export function tokenChanges(
  { sql, clock, eventLog }: Pick<ServiceContext, 'sql' | 'clock' | 'eventLog'>,
  publisher: TokensPublisher,
) {
  /** One transaction: all of them, or none. `path` names a field of the i-th in an error. */
  return async function change(
    tenantId: string,
    tokens: readonly TokenRead[],
    path: (field: string, i: number) => string,
  ): Promise<(TokenRow & { made: boolean })[]> {
    const named = [...new Set(tokens.flatMap((it) => it.driverId ?? []))]
    const known = named.length === 0 ? new Set() : await knownDrivers(sql, tenantId, named)
    const unknown = tokens.findIndex((it) => typeof it.driverId === 'string' && !known.has(it.driverId))
    if (unknown >= 0) {
      const message = `There is no driver ${tokens[unknown]?.driverId}`
      throw invalid([{ path: path('driverId', unknown), message }])
    }
    const at = new Date(clock.now())
    const upserts = tokens.map(({ status, valid, ...said }) => ({
      // What is left out is undefined, and stays as it was.
      ...{ expiresAt: undefined, groupId: undefined, driverId: undefined },
      ...{ chargingPriority: undefined, language: undefined, personalMessage: undefined },
      ...said,
      status: statusOf({ status, valid }),
    }))
    const rows = (await sql.begin(async (tx) => {
      const rows = await upsertTokens(tx, tenantId, upserts, at)
      const made = rows.filter((it) => it.made).length
      const idTokens = tokens.map((it) => it.idToken)
      if ((await markChanged(tx, tenantId, idTokens, made)) > MAX_TOKENS && made > 0)
        throw conflict(`There are ${MAX_TOKENS} tokens at most, as many as a site can hold`)
      await eventLog.publishAll(
        tx,
        rows.map((row) => ({
          tenantId,
          siteId: null,
          kind: 'token.changed' as const,
          at: at.toISOString(),
          data: { idToken: row.id_token, type: row.type, status: row.status, driverId: row.driver_id },
        })),
      )
      return rows
    })) as (TokenRow & { made: boolean })[]
    eventLog.wake()
    publisher.changed()
    return rows
  }
}

/** `valid: false` blocks; a status that is given says it more exactly. Undefined: neither was said. */
function statusOf({ status, valid }: Pick<TokenRead, 'status' | 'valid'>): TokenStatus | undefined {
  return status ?? (valid === undefined ? undefined : valid ? 'Accepted' : 'Blocked')
}

export function statusNow(row: TokenRow, nowMs: number): TokenStatus {
  const over = row.expires_at !== null && row.expires_at.getTime() <= nowMs
  return row.status === 'Accepted' && over ? 'Expired' : row.status
}

export function resource(row: TokenRow, nowMs: number): Token {
  const status = statusNow(row, nowMs)
  return {
    idToken: row.id_token,
    type: row.type,
    valid: status === 'Accepted',
    status,
    expiresAt: row.expires_at?.toISOString() ?? null,
    groupId: row.group_id,
    driverId: row.driver_id,
    chargingPriority: row.charging_priority,
    language: row.language,
    personalMessage: row.personal_message,
  }
}
