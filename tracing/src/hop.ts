/**
 * One trace through both sides: a hop is a span whose W3C traceparent goes on in facts, commands and requests. The API of OpenTelemetry
 * does nothing, and no hop begins, in a process that has registered no exporter.
 */
import {
  type Attributes,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

export interface Hop {
  /** W3C traceparent, by which what follows names this hop. */
  readonly traceparent: string
  /** Ends it; with what went wrong, if it did. Attributes that were not known at its beginning. */
  end(failure?: string, attributes?: Attributes): void
}

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
}
const tracer = trace.getTracer('switchyard')

/**
 * Begins a hop under the one that `parent` names; without a parent, or with one that cannot be read, a trace begins. Undefined where traces are
 * not exported, or this one is not among those that are.
 */
export function beginHop(
  name: string,
  kind: keyof typeof KINDS,
  parent: string | undefined | null,
  attributes?: Attributes,
): Hop | undefined {
  const context = parent ? propagation.extract(ROOT_CONTEXT, { traceparent: parent }) : ROOT_CONTEXT
  const span = tracer.startSpan(name, { kind: KINDS[kind], ...(attributes ? { attributes } : {}) }, context)
  if (!span.isRecording()) return undefined
  return { traceparent: traceparentOf(span), end: (failure, more) => end(span, failure, more) }
}

function traceparentOf(span: Span): string {
  const carrier: { traceparent?: string } = {}
  propagation.inject(trace.setSpan(ROOT_CONTEXT, span), carrier)
  return carrier.traceparent ?? ''
}

function end(span: Span, failure: string | undefined, attributes: Attributes | undefined): void {
  if (attributes) span.setAttributes(attributes)
  if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure })
  span.end()
}

/** Of facts that travel together so many are told as hops of their own traces. */
export const HOPS_OF_A_BATCH = 32
/** As JSON.stringify writes the field of a fact (protocol/src/site/fact.ts); a text that only looks like it makes a hop too many. */
const TRACE_IN_TEXT = /"trace":"([\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2})"/

/** Traceparents that the texts of facts carry, the first `HOPS_OF_A_BATCH`; none where nothing is exported. */
export function tracesIn(facts: Iterable<{ fact: string }>): string[] {
  const traces: string[] = []
  // Only an exporter brings a propagator with it.
  if (propagation.fields().length === 0) return traces
  for (const { fact } of facts) {
    const found = TRACE_IN_TEXT.exec(fact)?.[1]
    if (found !== undefined && traces.push(found) >= HOPS_OF_A_BATCH) break
  }
  return traces
}

/** A hop under each of them. */
export function beginHops(
  name: string,
  kind: keyof typeof KINDS,
  parents: readonly string[],
  attributes: Attributes,
): Hop[] {
  return parents.flatMap((it) => beginHop(name, kind, it, attributes) ?? [])
}
