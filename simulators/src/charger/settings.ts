/** What an operator can set on a station, whatever its OCPP version calls it. */

/** Measurands that the station's meter can give; 1.6 may name a phase behind one, `Current.Import.L1`. */
export const MEASURANDS = [
  'Energy.Active.Import.Register',
  'Power.Active.Import',
  'Current.Import',
  'Voltage',
  'Current.Offered',
  'Power.Offered',
  'SoC',
] as const
export type Measurand = (typeof MEASURANDS)[number]

/** Measurands in one list; a longer list is refused. */
const MEASURANDS_MAX = 20
const TEXT_MAX_CHARS = 500
const DAY_S = 86_400

export interface SettingValues {
  heartbeatIntervalS: number
  /** 0: none. */
  sampleIntervalS: number
  sampledMeasurands: string[]
  /** 0: none. */
  alignedIntervalS: number
  alignedMeasurands: string[]
  /** Readings with the start of a session (2.0.1). */
  startedMeasurands: string[]
  /** Readings with its end (1.6: StopTransaction's transactionData). */
  endedMeasurands: string[]
  /** From authorization to plugging in. */
  connectionTimeoutS: number
  pingIntervalS: number
  messageAttempts: number
  messageRetryIntervalS: number
  stopOnInvalidId: boolean
  stopOnEvDisconnect: boolean
  localAuthorizeOffline: boolean
  allowOfflineUnknown: boolean
  authorizeRemote: boolean
  authorizationCache: boolean
  phaseRotation: string
}

type Kind =
  | { kind: 'integer'; min: number; max: number }
  | { kind: 'boolean' }
  | { kind: 'measurands' }
  | { kind: 'text' }

export const SETTING_KINDS: Readonly<Record<keyof SettingValues, Kind>> = {
  heartbeatIntervalS: { kind: 'integer', min: 1, max: DAY_S },
  sampleIntervalS: { kind: 'integer', min: 0, max: DAY_S },
  sampledMeasurands: { kind: 'measurands' },
  alignedIntervalS: { kind: 'integer', min: 0, max: DAY_S },
  alignedMeasurands: { kind: 'measurands' },
  startedMeasurands: { kind: 'measurands' },
  endedMeasurands: { kind: 'measurands' },
  connectionTimeoutS: { kind: 'integer', min: 1, max: DAY_S },
  pingIntervalS: { kind: 'integer', min: 0, max: DAY_S },
  messageAttempts: { kind: 'integer', min: 1, max: 100 },
  messageRetryIntervalS: { kind: 'integer', min: 0, max: 3_600 },
  stopOnInvalidId: { kind: 'boolean' },
  stopOnEvDisconnect: { kind: 'boolean' },
  localAuthorizeOffline: { kind: 'boolean' },
  allowOfflineUnknown: { kind: 'boolean' },
  authorizeRemote: { kind: 'boolean' },
  authorizationCache: { kind: 'boolean' },
  phaseRotation: { kind: 'text' },
}

/** How a station leaves its factory. */
export function factorySettings(version: '1.6' | '2.0.1'): SettingValues {
  const sampled = ['Energy.Active.Import.Register', 'Power.Active.Import', 'Current.Import', 'Voltage']
  return {
    heartbeatIntervalS: 300,
    sampleIntervalS: 10,
    sampledMeasurands: version === '1.6' ? sampled : [...sampled, 'SoC'],
    alignedIntervalS: 0,
    alignedMeasurands: ['Energy.Active.Import.Register'],
    startedMeasurands: ['Energy.Active.Import.Register'],
    endedMeasurands: version === '1.6' ? [] : ['Energy.Active.Import.Register'],
    connectionTimeoutS: 60,
    pingIntervalS: 30,
    messageAttempts: 5,
    messageRetryIntervalS: 10,
    stopOnInvalidId: true,
    stopOnEvDisconnect: true,
    localAuthorizeOffline: true,
    allowOfflineUnknown: false,
    authorizeRemote: true,
    authorizationCache: true,
    phaseRotation: '0.RST,1.RST',
  }
}

/** The settings of one station; `set` tells the listeners. */
export class Settings {
  readonly values: SettingValues
  readonly #onChange: (name: keyof SettingValues) => void

  constructor(values: SettingValues, onChange: (name: keyof SettingValues) => void) {
    this.values = values
    this.#onChange = onChange
  }

  /** A setting as OCPP's text. */
  text(name: keyof SettingValues): string {
    const value = this.values[name]
    return Array.isArray(value) ? value.join(',') : String(value)
  }

  /** Reads OCPP's text; returns why it is refused, if it is. */
  set(name: keyof SettingValues, text: string): string | undefined {
    const read = parse(SETTING_KINDS[name], text)
    if ('refusal' in read) return read.refusal
    if (this.text(name) === (Array.isArray(read.value) ? read.value.join(',') : String(read.value)))
      return undefined
    Object.assign(this.values, { [name]: read.value })
    this.#onChange(name)
    return undefined
  }
}

type Parsed = { value: number | boolean | string | string[] } | { refusal: string }

function parse(kind: Kind, text: string): Parsed {
  switch (kind.kind) {
    case 'integer': {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
      if (!(value >= kind.min && value <= kind.max)) {
        return { refusal: `a whole number from ${kind.min} to ${kind.max} is needed` }
      }
      return { value }
    }
    case 'boolean': {
      const lower = text.toLowerCase()
      if (lower !== 'true' && lower !== 'false') return { refusal: 'true or false is needed' }
      return { value: lower === 'true' }
    }
    case 'measurands': {
      const names = text
        .split(',')
        .map((it) => it.trim())
        .filter((it) => it !== '')
      const unknown = names.find((name) => measurandOf(name) === undefined)
      if (unknown !== undefined) return { refusal: `this meter has no ${unknown.slice(0, 50)}` }
      if (names.length > MEASURANDS_MAX) return { refusal: `at most ${MEASURANDS_MAX} measurands` }
      return { value: names }
    }
    case 'text':
      if (text.length > TEXT_MAX_CHARS) return { refusal: `at most ${TEXT_MAX_CHARS} characters` }
      return { value: text }
  }
}

/** `Current.Import.L1` -> measurand and phase; undefined for what this meter does not have. */
export function measurandOf(name: string): { measurand: Measurand; phase?: 'L1' | 'L2' | 'L3' } | undefined {
  const match = /^(.*)\.(L[123])$/.exec(name)
  const measurand = MEASURANDS.find((it) => it === (match ? match[1] : name))
  if (!measurand) return undefined
  return match ? { measurand, phase: match[2] as 'L1' | 'L2' | 'L3' } : { measurand }
}
