/** Exports what beginHop() begins, as OTLP over HTTP. Loaded only where ENABLE_TRACING says so. */
import { propagation, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base'

/** Spans that wait for the collector; while it is away further ones are dropped. */
const MAX_WAITING_SPANS = 4_096
const MAX_SPANS_OF_A_REQUEST = 512
const EXPORT_INTERVAL_MS = 1_000
const EXPORT_TIMEOUT_MS = 5_000

export interface TracingOptions {
  /** Base of the collector's OTLP/HTTP receiver; spans go to its /v1/traces. */
  url: string
  /** Share of the traces that begin here, 0 to 1; those that began elsewhere are followed as they were begun. */
  ratio: number
  service: string
  version: string
  instance: string
}

/** From here on hops are exported; returns how to send what waits and end. */
export function startTracing({
  url,
  ratio,
  service,
  version,
  instance,
}: TracingOptions): () => Promise<void> {
  const exporter = new OTLPTraceExporter({
    url: `${url.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  })
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'switchyard',
      'service.version': version,
      'service.instance.id': instance,
    }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        maxQueueSize: MAX_WAITING_SPANS,
        maxExportBatchSize: MAX_SPANS_OF_A_REQUEST,
        scheduledDelayMillis: EXPORT_INTERVAL_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  })
  trace.setGlobalTracerProvider(provider)
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  return () => provider.shutdown().catch(() => {})
}
