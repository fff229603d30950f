export type PortName =
  | 'api'
  | 'station'
  | 'driver'
  | 'billing'
  | 'monitoring'
  | 'ocpp-gateway'
  | 'site-gateway'
  | 'ocpp'
  | 'controller'
  | 'broker'
  | 'postgres'

export type Flags = {
  errors: string[]
  help: boolean
  simulator: boolean
  fresh: boolean
  lan: boolean
  speed: number
  replay: string | undefined
  home: string | undefined
  ports: Record<PortName, number>
}

export const PORTS: readonly { name: PortName; flag: string; port: number; what: string }[]
export function environmentName(flag: string): string
export function readFlags(args: string[], environment: Record<string, string | undefined>): Flags
export function helpText(): string
