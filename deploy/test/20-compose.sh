#!/bin/bash
# docker-compose.yml as it stands: everything comes up behind its gates, each service answers on its one public port, several
# replicas share it, a simulated session is billed, limits and revocations hold for all replicas, and nothing on `frontend` reaches a
# database.
. "$(dirname "$0")/lib.sh"

declare -A SCALE=([api-gateway]=2 [station-service]=3 [billing-service]=2 [monitoring-service]=2 [ocpp-gateway]=2 [site-gateway]=2)

begin compose
engine
server_images
product_images
export SIMULATION_SPEED=100
# Of each key; more than this script asks with its own.
export API_RATE_LIMIT=400
compose_project switchyard-test

say "up"
started=$(date +%s)
compose up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
all_ready
measured "up_s=$(($(date +%s) - started))"
for name in "${!PORTS[@]}"; do
  told="$(health "$name")"
  [ "$(json 'it.service + " " + it.build' <<<"$told")" = "$name $BUILD_ID" ] || fail "$name tells $told"
done
measured "services=${#PORTS[@]}"

say "scaled: ${!SCALE[*]}"
scales=()
for name in "${!SCALE[@]}"; do scales+=(--scale "$name=${SCALE[$name]}"); done
compose up -d --no-recreate "${scales[@]}" >"$WORK/scale.log" 2>&1 || fail "scale: $(tail -20 "$WORK/scale.log")"
for name in "${!SCALE[@]}"; do
  until_true 120 "${SCALE[$name]} replicas of $name behind its port" shared_by "${SCALE[$name]}" "$name"
  measured "${name//-/_}=${SCALE[$name]}"
done

say "a simulated site"
compose --profile simulation up -d --no-recreate "${scales[@]}" >"$WORK/simulation.log" 2>&1 || fail "simulation: $(tail -20 "$WORK/simulation.log")"
billed() { [ "$(api GET '/cdrs?limit=20' | json 'it.items.length')" -gt 0 ]; }
started=$(date +%s)
until_true 240 "a session that is billed" billed
measured "billed_s=$(($(date +%s) - started))"
cdr="$(api GET '/cdrs?limit=1')"
session="$(json 'it.items[0].sessionId' <<<"$cdr")"
energy="$(json 'String(it.items[0].energyWh)' <<<"$cdr")"
state="$(api GET "/sessions/$session" | json 'it.status ?? it.state ?? ""')"
[ -n "$session" ] && [ "$energy" != 0 ] && [ "$energy" != undefined ] || fail "the CDR tells $cdr"
measured "energy_wh=$energy" "session=${state:-there}"

say "limits and revocations over both replicas of api-gateway"
made="$(api POST /api-keys '{"name":"of the test"}')"
key="$(json it.key <<<"$made")"
# asks N: how often each status was answered, through HAProxy, some at a time.
asks() {
  in_engine curl -sS --max-time 15 --parallel --parallel-max 8 -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $key" "http://127.0.0.1:3000/api/v1/me?n=[1-$1]" 2>>"$WORK/asked.log" | sort | uniq -c | awk '{print $2 "=" $1}' | paste -sd,
}
told="$(asks $((API_RATE_LIMIT + 100)))"
[ "$told" = "200=$API_RATE_LIMIT,429=100" ] || fail "of $((API_RATE_LIMIT + 100)) requests: $told"
api GET /me >/dev/null || fail "another key is refused as well"
measured "limit=$told"
made="$(api POST /api-keys '{"name":"revoked"}')"
key="$(json it.key <<<"$made")"
[ "$(asks 20)" = 200=20 ] || fail "a new key is not taken"
api DELETE "/api-keys/$(json it.apiKeyId <<<"$made")" >/dev/null
[ "$(asks 20)" = 401=20 ] || fail "a revoked key is taken"
measured "revoked=at_once"

say "a site of one's own"
api POST /sites '{"siteId": "own", "name": "Own site", "timeZone": "Europe/Berlin"}' | json it.mqtt.password >"$WORK/mqtt_password"
install -D -m 0444 "$WORK/mqtt_password" "$SECRETS_DIR/site/mqtt_password"
SITE_ID=own SITE_OCPP_PORT=9001 SITE_PANEL_PORT=8081 compose --profile site up -d --no-recreate own-controller >"$WORK/own.log" 2>&1 || fail "$(tail -5 "$WORK/own.log")"
own() { [ "$(in_engine curl -sSf http://127.0.0.1:8081/api/status | json it.link.linked)" = true ] && [ "$(api GET /sites/own | json it.online)" = true ]; }
until_true 60 "the site to be online" own
measured "own_site=online"

say "networks"
# tries NETWORK HOST PORT: whether a container there gets a connection.
tries() {
  docker run --rm --network "switchyard-test_$1" --entrypoint node switchyard-test/cloud -e '
    const [host, port] = process.argv.slice(1)
    const socket = require("net").connect({ host, port: Number(port), timeout: 3000 })
    const end = (code, told) => { console.log(told); process.exit(code) }
    socket.on("connect", () => end(0, "connected")).on("timeout", () => end(2, "no answer")).on("error", (it) => end(2, it.code))' "$2" "$3"
}
address() { docker inspect -f "{{range \$n, \$it := .NetworkSettings.Networks}}{{if eq \$n \"switchyard-test_backend\"}}{{\$it.IPAddress}}{{end}}{{end}}" "$(compose ps -q "$1")"; }
for server in postgres:5432 redis:6379; do
  name="${server%:*}" port="${server#*:}"
  tries backend "$name" "$port" >/dev/null || fail "a container on backend does not reach $name, so that this test shows nothing"
  tries frontend "$name" "$port" >/dev/null && fail "a container on frontend reaches $name"
  tries frontend "$(address "$name")" "$port" >/dev/null && fail "a container on frontend reaches $name by its address"
  tries site "$(address "$name")" "$port" >/dev/null && fail "a container on site reaches $name by its address"
  in_engine timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null && fail "$name is published"
done
tries frontend haproxy 3000 >/dev/null || fail "a container on frontend does not reach haproxy"
tries backend 1.1.1.1 443 >/dev/null && fail "there is a way out of backend"
measured "isolated=postgres,redis"

say "containers"
for id in $(compose --profile simulation ps -q); do
  told="$(docker inspect -f '{{.Name}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Memory}} {{.Config.User}} {{.RestartCount}}' "$id")"
  read -r name readonly drop memory user restarts <<<"$told"
  [ "$readonly" = true ] && [ "$drop" = '[ALL]' ] && [ "$memory" -gt 0 ] && [ -n "$user" ] && [ "$user" != root ] || fail "$name is not confined: $told"
  [ "$restarts" = 0 ] || fail "$name was started $restarts times more"
done
measured "containers=$(compose --profile simulation ps -q | wc -l)"
secrets="$(cat "$SECRETS_DIR"/*_password "$SECRETS_DIR/service_key" "$SECRETS_DIR/api_key")"
docker inspect $(docker ps -aq) >"$WORK/inspected"
compose logs --no-color >"$WORK/logs" 2>&1
while read -r value; do
  grep -qF -- "$value" "$WORK/inspected" "$WORK/logs" && fail "a secret stands in an environment, an argument or a log"
done <<<"$secrets"
measured "memory_mb=$(docker stats --no-stream --format '{{.MemUsage}}' | awk '{v=$1; u=1; if (v ~ /GiB/) u=1024; if (v ~ /KiB/) u=1/1024; sub(/[A-Za-z]+/, "", v); s+=v*u} END {printf "%d", s}')"
finish
