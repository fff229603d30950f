#!/bin/bash
# deploy/compose/logs.yml: every container's lines arrive at rsyslog as JSON with the same fields; a request is followed by its id
# from api-gateway to the service behind it, and no password is in them; elk.yml has rsyslog pass them on. (Elasticsearch, Logstash and Kibana have no Debian package: they are not run.)
. "$(dirname "$0")/lib.sh"

begin logs
engine
server_images
product_images cloud
receiver_image
build_image switchyard-test/rsyslog "$ROOT/deploy/compose/rsyslog" --build-arg "BASE_IMAGE=$BASE_IMAGE"
export RSYSLOG_IMAGE=switchyard-test/rsyslog LOGSTASH_IMAGE="$RECEIVER_IMAGE"
compose_project switchyard-test
logged() { compose -f docker-compose.yml -f deploy/compose/logs.yml -f deploy/compose/elk.yml "$@"; }

say "up"
logged up -d rsyslog logstash >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
logged up -d haproxy api-gateway station-service driver-service billing-service monitoring-service ocpp-gateway site-gateway >>"$WORK/up.log" 2>&1 \
  || fail "up: $(tail -20 "$WORK/up.log")"
all_ready

say "requests"
id="seen-from-outside-$$"
password="not-for-any-log-$$"
ask() { in_engine curl -sS --max-time 15 -o "$WORK/answer" -D "$WORK/headers" -w '%{http_code}' -H 'Content-Type: application/json' "$@"; }
key=(-H "Authorization: Bearer $(secret api_key)")
# One that is served, with a password in it; one that is refused; one that nobody gave an id.
api POST /sites '{"siteId": "logged", "name": "Logged", "timeZone": "Europe/Berlin"}' >/dev/null
code="$(ask -X POST http://127.0.0.1:3000/api/v1/stations "${key[@]}" -H "X-Request-Id: $id" -d "{\"stationId\": \"LOGGED\", \"siteId\": \"logged\", \"password\": \"$password\"}")"
[ "${code:0:1}" = 2 ] || fail "the station was not made: $code $(cat "$WORK/answer")"
grep -qi "^x-request-id: $id" "$WORK/headers" || fail "the answer does not name the request"
code="$(ask -X POST http://127.0.0.1:3000/api/v1/sign-in -H "X-Request-Id: $id-2" -d "{\"email\": \"nobody@example.com\", \"password\": \"$password\"}")"
[ "$code" = 401 ] && [ "$(json it.requestId <"$WORK/answer")" = "$id-2" ] || fail "a wrong sign-in was answered $code $(cat "$WORK/answer")"
code="$(ask -X DELETE http://127.0.0.1:3000/api/v1/tariffs/nobody "${key[@]}")"
made="$(sed -n 's/^x-request-id: \([^\r]*\).*/\1/ip' "$WORK/headers")"
[ "$code" = 404 ] && [ -n "$made" ] || fail "no id was made: $code $(cat "$WORK/headers")"

say "lines"
lines() { docker exec "$(logged ps -q rsyslog)" cat /logs/switchyard.jsonl >"$WORK/lines"; }
# of ID: the services whose lines have it.
of() { lines && json 'it' <<<"[$(grep -F "\"$1\"" "$WORK/lines" | paste -sd,)]" | json 'it.filter((one) => one.requestId).map((one) => one.service).sort().join()'; }
arrived() { [ "$(of "$1")" = "$2" ]; }
until_true 20 "the request in api-gateway and station-service" arrived "$id" api-gateway,station-service
until_true 20 "the sign-in in api-gateway" arrived "$id-2" api-gateway
until_true 20 "the request with an id of ours in api-gateway and billing-service" arrived "$made" api-gateway,billing-service
measured "hops=api-gateway,station-service"
grep -F "$password" "$WORK/lines" && fail "a password stands in a log"
node -e '
  const lines = require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").map((it) => JSON.parse(it))
  for (const line of lines)
    for (const field of ["level", "time", "service", "msg", "container"])
      if (typeof line[field] !== "string" || (field === "time" && !Number.isFinite(Date.parse(line.time)))) {
        console.error("a line without", field, JSON.stringify(line))
        process.exit(1)
      }
  const containers = new Set(lines.map((it) => it.container.replace(/^switchyard-test[-_]|[-_]\d+$/g, "")))
  console.log(JSON.stringify({ lines: lines.length, containers: [...containers].sort() }))' "$WORK/lines" >"$WORK/told" || fail "not every line has the fixed fields"
for name in api-gateway station-service driver-service billing-service monitoring-service ocpp-gateway site-gateway postgres haproxy; do
  [ "$(json "it.containers.includes('$name')" <"$WORK/told")" = true ] || fail "no line of $name: $(cat "$WORK/told")"
done
measured "lines=$(json it.lines <"$WORK/told")" "containers=$(json it.containers.length <"$WORK/told")"

say "passed on"
onward() { [ "$(docker exec "$(logged ps -q logstash)" node -e 'fetch("http://127.0.0.1:16686/").then((it) => it.json()).then((it) => console.log(it.lines.filter((one) => one.requestId === process.argv[1]).map((one) => one.service).sort().join()))' "$id")" = api-gateway,station-service ]; }
until_true 30 "the same lines where Logstash would be" onward
measured "passed_on=yes"
finish
