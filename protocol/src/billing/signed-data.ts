/** Signed meter values of a session as OCPI hands them over with a CDR (2.2.1, CDRs, SignedData), and as they were told. */
import type { Json } from '../json.ts'
import type { SampledValue } from '../site/fact.ts'

/** A signed value as a station sent it, with when it was measured. */
export interface SignedValue extends SampledValue {
  /** RFC 3339. */
  at: string
}

export interface OcpiSignedData {
  encoding_method: string
  public_key?: string
  signed_values: { nature: 'Start' | 'End' | 'Intermediate'; plain_data: string; signed_data: string }[]
}

/** What OCPI has no name for; the field is mandatory there. */
const UNKNOWN_ENCODING = 'Unknown'

/** Undefined where nothing was signed. Nothing is cut to the lengths of OCPI (512 and 5,000 characters): a cut signature proves nothing. */
export function ocpiSignedData(values: readonly SignedValue[]): OcpiSignedData | undefined {
  const read = values.map((value) => ({ context: value.context, ...readSigned(value.signed) }))
  if (read.length === 0) return undefined
  const publicKey = read.findLast((it) => it.publicKey !== undefined)?.publicKey
  return {
    encoding_method: read.find((it) => it.encoding !== undefined)?.encoding ?? UNKNOWN_ENCODING,
    ...(publicKey === undefined ? {} : { public_key: publicKey }),
    signed_values: read.map(({ context, plain, base64 }) => ({
      nature: natureOf(context),
      plain_data: plain,
      signed_data: base64,
    })),
  }
}

function natureOf(context: string | undefined): 'Start' | 'End' | 'Intermediate' {
  if (context === 'Transaction.Begin') return 'Start'
  return context === 'Transaction.End' ? 'End' : 'Intermediate'
}

interface Read {
  encoding?: string
  publicKey?: string
  plain: string
  base64: string
}

/** 2.x: SignedMeterValueType, its data in base64. 1.6: a text, which may be the same type as JSON (white paper of the OCA, 2020). */
function readSigned(signed: Json | undefined): Read {
  if (typeof signed === 'string') {
    const inside = signed.trimStart().startsWith('{') ? parsed(signed) : undefined
    return typeof inside?.signedMeterData === 'string' ? readType(inside) : readText(signed)
  }
  return readType((signed ?? {}) as Record<string, unknown>)
}

function readText(text: string): Read {
  return {
    ...(text.trimStart().startsWith('OCMF|') ? { encoding: 'OCMF' } : {}),
    plain: text,
    base64: Buffer.from(text, 'utf8').toString('base64'),
  }
}

function readType({ signedMeterData, encodingMethod, publicKey }: Record<string, unknown>): Read {
  const data = typeof signedMeterData === 'string' ? signedMeterData : ''
  const isBase64 = data !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(data) && data.length % 4 === 0
  const read = isBase64
    ? { plain: Buffer.from(data, 'base64').toString('utf8'), base64: data }
    : readText(data)
  return {
    ...read,
    ...(typeof encodingMethod === 'string' && encodingMethod !== '' ? { encoding: encodingMethod } : {}),
    ...(typeof publicKey === 'string' && publicKey !== '' ? { publicKey } : {}),
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}
