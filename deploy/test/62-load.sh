#!/bin/bash
# `npm run load` without containers: 200 sites of ten stations, stations over OCPP and requests at once for two minutes, without one that
# fails; and what 1, 2 and 4 replicas of the consumers read from one database. The figures that docs/scaling.md reckons with.
. "$(dirname "$0")/lib.sh"

begin load
loaded() { (cd "$ROOT" && npm run load -- "$@") >"$WORK/load.log" 2>&1 || fail "$(tail -40 "$WORK/load.log")"; }
# told PATTERN: what its first group matches in what was printed.
told() { sed -nE "s|.*$1.*|\\1|p" "$WORK/load.log" | head -1; }

say "200 sites of 10 stations, 2 minutes"
loaded --sites 200 --stations 10 --minutes 2
sed -n '/200 sites of 10/,$p' "$WORK/load.log"
measured "facts_s=$(told 'acknowledged +([0-9]+) facts/s')" "api_p99_ms=$(told 'API \(HTTP\).*p99 ([0-9.]+) ms')"
measured "controller_calls_s=$(told 'at a controller \(OCPP\) +([0-9.]+) calls/s')" "gateway_calls_s=$(told 'at ocpp-gateway \(OCPP\) +([0-9.]+) calls/s')"
measured "read_after_s=$(told 'was read ([0-9.]+) s after')" "failed=$(told '^ *Failed: ([0-9]+)')"

say "1, 2 and 4 replicas"
loaded --scaling
grep ' of .*facts/s' "$WORK/load.log"
for n in 1 2 4; do measured "replicas_${n}_facts_s=$(told "^ *$n replicas? of .* s, ([0-9]+) facts/s")"; done
for key in facts_s api_p99_ms failed replicas_1_facts_s replicas_4_facts_s; do
  [[ "$MEASURED " == *" $key="[0-9]* ]] || fail "the load did not tell $key"
done
finish
