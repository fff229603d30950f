/** What the controller is given from outside: time, randomness, network. The simulator gives virtual ones. */
import type { ClockQuality } from '@switchyard/protocol/site/fact.ts'
import type { UploadKind } from '@switchyard/protocol/site/file.ts'

export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number
  /** Monotonic ms within this boot. */
  mono(): number
  quality(): ClockQuality
  /** Runs `work` once after `delayMs` of monotonic time; returns how to cancel it. */
  after(delayMs: number, work: () => void): () => void
}

export interface Random {
  bytes(length: number): Uint8Array
  /** Uniform in [0, 1). */
  fraction(): number
}

/** One charger's WebSocket as the core sees it. */
export interface Socket {
  readonly remote: string
  /** Address of ours by which the charger came, where it is known. */
  readonly local?: string | undefined
  send(text: string): void
  /** WebSocket close code and reason (at most 123 bytes). */
  close(code: number, reason: string): void
  /** Stops and resumes reading, against bursts. */
  pause(): void
  resume(): void
  ping(): void
  onText(handler: (text: string) => void): void
  onPong(handler: () => void): void
  onClose(handler: (code: number, reason: string) => void): void
}

/** Where stations upload files. */
export interface UploadPlaces {
  /** URL to which the station may upload one file, for a bounded time; `local` is the address by which it reached us. */
  open(upload: { stationId: string; commandId: string; kind: UploadKind }, local: string | undefined): string
}

/** Where stations of the site get firmware. */
export interface FirmwareSource {
  /** Has the image at the site; what is wrong when it is not there within so long. Never rejects. */
  fetch(firmwareId: string, withinMs: number): Promise<string | undefined>
  /** Where it can be read from now until a while after `fromMs` (wall clock); undefined when it is not at the site. */
  place(
    firmwareId: string,
    fromMs: number,
    local: string | undefined,
  ): { location: string; signature: string | null; signingCertificate: string | null } | undefined
}

/** The upward link to a broker: publish only while connected, nothing stored in the client. */
export interface Broker {
  /** Calls back with every connect and disconnect; `onMessage` gets what arrives under down/#. */
  start(events: {
    onConnect(): void
    onDisconnect(reason: string): void
    onMessage(topic: string, payload: Uint8Array): void
  }): void
  connected(): boolean
  /** Resolves when handed to the network; that is no acknowledgement of anything. Rejects when not connected. */
  publish(topic: string, payload: string | Uint8Array, qos: 0 | 1): Promise<void>
  stop(): Promise<void>
}

/** Structured log; the fields carry siteId, stationId, sessionId or seq where the line has one. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
