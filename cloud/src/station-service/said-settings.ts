/** What facts say of settings, whatever else is in them: reports and replies were kept as stations sent them. Pure. */
import { ATTRIBUTE_TYPES, nameInReport, type SettingRef } from '@switchyard/protocol/site/setting.ts'
import type { ReadEntry } from '../platform/event-log/entry.ts'

export interface Reported extends SettingRef {
  value?: unknown
  mutability?: unknown
}

/** Settings that a fact tells. */
export function reportedIn(read: ReadEntry): Reported[] {
  if (read.kind === 'station.settings-read')
    return read.data.settings.map(({ name, value, readonly }) => ({
      name,
      value,
      mutability: mutabilityOf(readonly),
    }))
  if (read.kind === 'station.report') return read.data.entries.flatMap(inReport)
  if (read.kind !== 'command.outcome') return []
  return repliesIn(read.data.reply).flatMap((reply) => {
    const { configurationKey, getVariableResult } = reply as Record<string, unknown>
    return [
      ...listOf(configurationKey).flatMap(inConfiguration),
      ...listOf(getVariableResult).flatMap(inResult),
    ]
  })
}

export function listOf(list: unknown): unknown[] {
  return Array.isArray(list) ? list : []
}

function mutabilityOf(readonly: unknown): string | undefined {
  return typeof readonly === 'boolean' ? (readonly ? 'ReadOnly' : 'ReadWrite') : undefined
}

function inConfiguration(entry: unknown): Reported[] {
  const { key, value, readonly } = (entry ?? {}) as Record<string, unknown>
  return typeof key === 'string' ? [{ name: key, value, mutability: mutabilityOf(readonly) }] : []
}

export interface Said {
  component?: { evse?: { id?: unknown; connectorId?: unknown } }
  variable?: unknown
  variableAttribute?: unknown
  attributeType?: unknown
  attributeStatus?: unknown
  attributeValue?: unknown
}

export function refOf({ component, variable }: Said, attributeType: unknown): SettingRef | undefined {
  const name = nameInReport(component, variable)
  if (name === undefined) return undefined
  const evseId = numberOf(component?.evse?.id)
  const connectorId = numberOf(component?.evse?.connectorId)
  return {
    name,
    ...(evseId === undefined ? {} : { evseId }),
    ...(connectorId === undefined ? {} : { connectorId }),
    attributeType: ATTRIBUTE_TYPES.find((it) => it === attributeType) ?? 'Actual',
  }
}

function inReport(entry: unknown): Reported[] {
  const said = (entry ?? {}) as Said
  return listOf(said.variableAttribute).flatMap((attribute) => {
    const { type, value, mutability } = (attribute ?? {}) as Record<string, unknown>
    const ref = refOf(said, type)
    return ref ? [{ ...ref, value, mutability }] : []
  })
}

function inResult(entry: unknown): Reported[] {
  const said = (entry ?? {}) as Said
  const ref = refOf(said, said.attributeType)
  return ref && said.attributeStatus === 'Accepted' ? [{ ...ref, value: said.attributeValue }] : []
}

export function numberOf(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31
    ? (value as number)
    : undefined
}

/** A reply of ChangeConfiguration or SetVariables, alone or among others, that says so. */
export function asksForReboot(reply: unknown): boolean {
  return repliesIn(reply).some((it) => {
    const { status, setVariableResult } = it as { status?: unknown; setVariableResult?: unknown }
    const results = Array.isArray(setVariableResult) ? setVariableResult : []
    return status === 'RebootRequired' || results.some((r) => r?.attributeStatus === 'RebootRequired')
  })
}

/** The station's own replies in an outcome: one, or those of several calls. */
export function repliesIn(reply: unknown): object[] {
  if (typeof reply !== 'object' || reply === null) return []
  const { calls } = reply as { calls?: unknown }
  if (!Array.isArray(calls)) return [reply]
  return calls.map((it) => it?.reply).filter((it) => typeof it === 'object' && it !== null)
}
