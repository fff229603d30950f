#!/bin/bash
# docker-compose.yml as it stands: everything comes up behind its gates, each service answers on its one public port, several
# replicas share it, a simulated session is billed, and nothing on `frontend` reaches a database.
. "$(dirname "$0")/lib.sh"

declare -A PORTS=([api-gateway]=3000 [station-service]=3001 [driver-service]=3002 [billing-service]=3003
  [monitoring-service]=3004 [ocpp-gateway]=4000 [site-gateway]=4001)
declare -A SCALE=([station-service]=3 [billing-service]=2 [monitoring-service]=2 [ocpp-gateway]=2 [site-gateway]=2)

begin compose
engine
server_images
product_images
export SIMULATION_SPEED=100
compose_project switchyard-test

health() { in_engine curl -sS --max-time 5 "http://127.0.0.1:${PORTS[$1]}/health"; }
ready() { in_engine curl -sSf --max-time 5 "http://127.0.0.1:${PORTS[$1]}/ready"; }

say "up"
started=$(date +%s)
compose up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
for name in "${!PORTS[@]}"; do until_true 120 "$name to be ready" ready "$name"; done
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
# instances NAME: how many answer on its one port.
instances() { for _ in $(seq 1 30); do health "$1" | json it.instance; done | sort -u | wc -l; }
shared() { [ "$(instances "$1")" = "${SCALE[$1]}" ]; }
for name in "${!SCALE[@]}"; do
  until_true 120 "${SCALE[$name]} replicas of $name behind its port" shared "$name"
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
