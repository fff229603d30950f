#!/bin/bash
# Production (.env.production, with deploy/compose/{production,tls,ha,logs,logs-ha}.yml) while cars charge and somebody writes over the API: the primary is killed and its standby promoted, the old
# one comes back, a standby, Redis' master, the broker, a PgBouncer and a replica of every service are killed. How long
# nothing was taken is measured each time; nothing acknowledged is missing, every session is billed once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/two-of-everything.sh"

begin ha
engine
server_images
product_images
build_image switchyard-test/rsyslog "$ROOT/deploy/compose/rsyslog" --build-arg "BASE_IMAGE=$BASE_IMAGE"
needs openssl=openssl
export RSYSLOG_IMAGE=switchyard-test/rsyslog TLS_DIR="$WORK/tls" TLS_ADDRESS=127.0.0.1
"$ROOT/deploy/compose/make-tls.sh" >/dev/null
OVERLAYS=docker-compose.yml
for overlay in production tls ha logs logs-ha; do OVERLAYS="$OVERLAYS:deploy/compose/$overlay.yml"; done
grep -vE '^(COMPOSE_PROJECT_NAME|COMPOSE_FILE|CLOUD_IMAGE|TLS_ADDRESS|TLS_DIR|SECRETS_DIR)=' "$ROOT/.env.production" >"$WORK/production"
two_of_everything "$WORK/production"
export SIMULATION_SPEED=100 COMPOSE_PROFILES=simulation

say "up"
started=$(date +%s)
compose up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
all_ready
pair standby together
measured "up_s=$(($(date +%s) - started))" "containers=$(compose ps -q | wc -l)"
billed() { [ "$(api GET '/cdrs?limit=20' | json 'it.items.length')" -ge "$1" ]; }
until_true 240 "a session that is billed" billed 1

begin_writes
since=$(now); sleep 10; outage undisturbed "$since"

say "the primary is killed"
since=$(now)
docker kill "$(container postgres)" >/dev/null
pair promote
measured "promoted_ms=$(($(now) - since))"
steady; outage primary "$since"
compose ps -q | xargs docker inspect -f '{{.RestartCount}} {{.Name}}' | grep -v '^0 ' | grep -v postgres && fail "a service was started anew: the promotion was taken for a restored database"
since=$(now)
pair standby together
docker logs "$(container postgres)" 2>&1 | grep 'postgres-b was promoted' >/dev/null || fail "the old primary did not notice the promotion"
measured "old_back_ms=$(($(now) - since))"
steady
docker exec "$(container rsyslog)" cat /logs/switchyard.jsonl >"$WORK/lines"
grep 'postgres-b' "$WORK/lines" | grep 'received promote request' >/dev/null || fail "what the new primary says is not among the lines of rsyslog"

say "the standby is killed, and given up"
since=$(now)
docker kill "$(container postgres)" >/dev/null
pair standby alone
steady; outage standby "$since"
pair_refuses promote
pair standby together
steady

say "the primary crashes and comes back by itself"
since=$(now)
# Its first process, which nobody told the engine of: it starts the container again.
nsenter -t "$ENGINE_PID" -p -m -- sh -c "kill -KILL $(docker inspect -f '{{.State.Pid}}' "$(container postgres-b)")"
steady; outage restarted "$since"

say "Redis' master is killed"
buses() {
  local name id address
  for name in "${!PORTS[@]}"; do
    for id in $(container "$name") $(container "$name" 2); do
      address="$(docker inspect -f '{{range $n, $it := .NetworkSettings.Networks}}{{if eq $n "switchyard-test_frontend"}}{{$it.IPAddress}}{{end}}{{end}}' "$id")"
      in_engine curl -sSf --max-time 10 "http://$address:${PORTS[$name]}/metrics" | grep '^switchyard_bus_up{[^}]*} 1$\|^switchyard_bus_up 1$' >/dev/null || return 1
    done
  done
}
# After a crash some connections to the database are noticed to be dead only after 20 s, and figures wait for them.
until_true 120 "the bus of every replica" buses
since=$(now)
redis_killed
measured "redis_elected_ms=$(($(now) - since))"
until_true 60 "the bus of every replica" buses
measured "redis_bus_ms=$(($(now) - since))"
steady; outage redis "$since"
redis_back

say "the broker is killed"
linked() { [ "$(in_engine curl -sSf --max-time 3 http://127.0.0.1:8080/api/status | json it.link.linked)" = true ]; }
apart() { ! linked; }
until_true 60 "the site's link" linked
since=$(now)
docker kill "$(container mosquitto)" >/dev/null
until_true 60 "the site to notice" apart
docker start "$(container mosquitto)" >/dev/null
until_true 120 "the site's link" linked
measured "broker_link_ms=$(($(now) - since))"
steady; outage broker "$since"

say "one replica of every service and a PgBouncer are killed"
for name in "${!PORTS[@]}"; do
  gone="$(container "$name" 2)"
  since=$(now)
  docker kill "$gone" >/dev/null
  steady; outage "${name//-/_}" "$since"
  docker start "$gone" >/dev/null
done
since=$(now)
gone="$(container pgbouncer 2)"
docker kill "$gone" >/dev/null
steady; outage pgbouncer "$since"
docker start "$gone" >/dev/null

say "what came of it"
all_held
ledger="$(docker volume inspect -f '{{.Mountpoint}}' switchyard-test_stations)/ledger.jsonl"
settled="$(node24 "$ROOT/end-to-end/chaos/settled.ts" --ledger "$ledger" --api http://127.0.0.1:3000 --key-file "$SECRETS_DIR/api_key" --wait 180)" || fail "$settled"
measured "$settled"
finish
