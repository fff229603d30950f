/**
 * The certificates that the cloud itself shows (HAProxy, the broker), looked at as whoever connects sees them: also one that was
 * renewed on the disk and never taken. Scrapes tell what was seen last, and wait for nothing.
 */
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { Gauge } from 'prom-client'
import type { Clock } from '../platform/clock.ts'
import { createLoop, type Loop } from '../platform/event-log/loop.ts'
import type { HostPort } from '../platform/host-port.ts'
import type { ServiceContext } from '../platform/service.ts'

/** How often an endpoint is looked at, and one that did not answer. */
const LOOK_MS = 300_000
const LOOK_AGAIN_MS = 30_000
/** Longest that connection and handshake may take together. */
const ANSWER_MS = 5_000

/** Looks at `config.tlsEndpoints` until it is stopped; without any it does nothing. */
export function startTlsEndpoints({
  clock,
  log,
  config,
  metrics,
}: Pick<ServiceContext, 'clock' | 'log' | 'config' | 'metrics'>): Pick<Loop, 'stop'> {
  const labels = { labelNames: ['address'], registers: [metrics] }
  const up = new Gauge({
    name: 'switchyard_tls_endpoint_up',
    help: 'Whether a TLS endpoint of the cloud (TLS_ENDPOINTS) showed a certificate when it was last looked at (1) or not (0)',
    ...labels,
  })
  const ends = new Gauge({
    name: 'switchyard_tls_certificate_ends_timestamp_seconds',
    help: 'When the certificate ends that a TLS endpoint of the cloud showed last, seconds since 1970',
    ...labels,
  })
  if (config.tlsEndpoints.length === 0) return { stop: async () => {} }

  const stopping = new AbortController()
  /** How the last look went, and when it was, monotonic ms. */
  const looked = new Map<string, { isUp: boolean; atMs: number }>()
  async function look(endpoint: HostPort): Promise<void> {
    const address = addressOf(endpoint)
    try {
      const endMs = await certificateEnd(endpoint, clock, stopping.signal)
      ends.set({ address }, endMs / 1_000)
      up.set({ address }, 1)
      looked.set(address, { isUp: true, atMs: clock.mono() })
    } catch (error) {
      if (stopping.signal.aborted) return
      // The end of what it showed is still told: by being away nothing is renewed.
      up.set({ address }, 0)
      if (looked.get(address)?.isUp !== false)
        log.warn({ address, reason: (error as Error).message }, 'a TLS endpoint shows no certificate')
      looked.set(address, { isUp: false, atMs: clock.mono() })
    }
  }
  const isDue = (endpoint: HostPort): boolean => {
    const before = looked.get(addressOf(endpoint))
    return !before?.isUp || clock.mono() - before.atMs >= LOOK_MS
  }
  const loop = createLoop({
    clock,
    log,
    name: 'TLS endpoints',
    pollMs: LOOK_AGAIN_MS,
    work: async () => {
      await Promise.all(config.tlsEndpoints.filter(isDue).map(look))
      return false
    },
  })
  return {
    async stop() {
      stopping.abort()
      await loop.stop()
    },
  }
}

function addressOf({ host, port }: HostPort): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** When the certificate ends that is shown there, ms since 1970. Rejects where none is shown in time. */
function certificateEnd({ host, port }: HostPort, clock: Clock, stopping: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    // Whoever issued it, and for whom: its end is read, and not a byte is sent to who shows it.
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    })
    const cancel = clock.after(ANSWER_MS, () =>
      socket.destroy(new Error(`no handshake within ${ANSWER_MS / 1_000} s`)),
    )
    const stop = (): void => void socket.destroy()
    stopping.addEventListener('abort', stop, { once: true })
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate()
      if (certificate) resolve(Date.parse(certificate.validTo))
      socket.destroySoon()
    })
    socket.on('error', reject)
    socket.once('close', () => {
      cancel()
      stopping.removeEventListener('abort', stop)
      // Says nothing where the promise is settled.
      reject(new Error('closed before a certificate was shown'))
    })
  })
}
