/** Prometheus metrics: one registry per target, and one for the process that they share. */
import { collectDefaultMetrics, Registry } from 'prom-client'

let ofProcess: Registry | undefined

/** CPU, memory and event loop of this process; the same for every target in it. */
export function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}

export function createMetrics(service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  return registry
}

/** The text that /metrics answers. */
export async function exposition(registry: Registry): Promise<{ contentType: string; text: string }> {
  const own = await registry.metrics()
  const shared = await processMetrics().metrics()
  return { contentType: registry.contentType, text: `${shared}\n${own}` }
}
