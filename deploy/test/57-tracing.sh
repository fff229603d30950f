#!/bin/bash
# deploy/compose/tracing.yml: the trace of one session arrives whole where Jaeger would be, from the charger's message through
# journal, MQTT, log and billing to the CDR and its invoice line, and a request of the API with the service behind it. (Jaeger has no Debian package: a receiver of OTLP stands in its place.)
. "$(dirname "$0")/lib.sh"

begin tracing
engine
server_images
product_images
receiver_image
export SIMULATION_SPEED=200 JAEGER_IMAGE="$RECEIVER_IMAGE"
compose_project switchyard-test
traced() { compose -f docker-compose.yml -f deploy/compose/tracing.yml --profile simulation "$@"; }

say "up"
traced up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"

say "a session"
# The hops of docs/observability.md, each with who tells it. Of many facts in a batch not all are told as hops: one trace that has them all will do.
HOPS='["edge-controller:journal commit", "edge-controller:mqtt deliver", "site-gateway:log append", "station-service:consume session.ended",
  "billing-service:consume session.ended", "billing-service:issue CDR", "station-service:consume cdr.issued"]'
TRACES='[...it.spans.reduce((all, one) => all.set(one.traceId, [...(all.get(one.traceId) ?? []), one]), new Map()).values()]'
TRACE="(($TRACES).find((spans) => ($HOPS).every((hop) => spans.some((one) => hop === one.service + ':' + one.name))) ?? [])"
whole() { [ "$(received "($TRACE).length > 0")" = true ]; }
until_true 240 "a trace with every hop" whole
root="$(received "($TRACE).find((one) => one.service === 'edge-controller' && one.name.startsWith('ocpp ')) ?? {}")"
[ "$(json 'it.name !== undefined && (it.parentSpanId ?? "") === ""' <<<"$root")" = true ] || fail "the charger's message is not the root: $root"
measured "root=$(json 'it.name.replace(" ", "_")' <<<"$root")" "hops=$(json it.length <<<"$HOPS")" "spans=$(received "($TRACE).length")"
cdr="$(received "($TRACE).find((one) => one.name === 'issue CDR').attributes['cdr.id']")"
line="$(api GET '/invoices?limit=100' | json "it.items.flatMap((one) => one.lines).filter((one) => one.cdrId === '$cdr').length")"
[ "$line" = 1 ] || fail "$line invoice lines of the trace's CDR $cdr"
measured "invoice_lines=$line"

say "a request"
id=4bf92f3577b34da6a3ce929d0e0e4736
in_engine curl -sSf -o /dev/null -H "Authorization: Bearer $(secret api_key)" -H "traceparent: 00-$id-00f067aa0ba902b7-01" http://127.0.0.1:3000/api/v1/stations
both() { [ "$(received "it.spans.filter((one) => one.traceId === '$id').length")" -ge 2 ]; }
until_true 30 "the request at api-gateway and behind it" both
[ "$(received "(([outer, inner]) => inner.parentSpanId === outer.spanId)(['00f067aa0ba902b7'].flatMap((id) => { const of = it.spans.filter((one) => one.traceId === '$id'); const outer = of.find((one) => one.parentSpanId === id); return [outer, of.find((one) => one !== outer)] }))")" = true ] \
  || fail "the request behind is not under that of api-gateway"
measured "request_hops=2"
finish
