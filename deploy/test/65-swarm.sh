#!/bin/bash
# deploy/swarm on a swarm of one node, under requests and with sessions that run at direct stations: the stack comes up, a new version rolls
# through it task by task, a failed migration touches nothing, and a version that does not come up goes back by itself. No request fails,
# sockets come back by themselves, sessions are billed once.
. "$(dirname "$0")/lib.sh"
SIMULATION_SPEED=300
. "$(dirname "$0")/under-load.sh"

begin swarm
two_builds
variant broken 'ENTRYPOINT ["node", "-e", "process.argv.includes(\"migrate\") || process.exit(1)", "--"]'
variant unwilling 'ENTRYPOINT ["node", "-e", "process.exit(1)", "--"]'

export SECRETS_DIR="$WORK/secrets" RESOLVE_IMAGE=never ROLLOUT_WAIT=420
deploy() { CLOUD_IMAGE="switchyard-test/cloud:$1" "$ROOT/deploy/swarm/deploy.sh" >"$WORK/deploy.log" 2>&1; }
tell_services() { docker service ls; docker service ps --no-trunc --format '{{.Name}} {{.CurrentState}} {{.Error}}' $(docker service ls -q) | head -60; for name in haproxy postgres api-gateway; do docker service logs --tail 5 "switchyard_$name"; done; }
ends_here() { tell_services >&2 || true; fail "$@"; }

say "swarm"
# Disks of a test that was killed have another password.
docker volume ls -q | xargs -r docker volume rm -f >/dev/null
# A machine that is busy with other things shall not count as a node that is lost.
docker swarm init --advertise-addr 10.0.2.100 --dispatcher-heartbeat 60s >/dev/null
started="$(date +%s)"
deploy one || ends_here "deploy: $(tail -5 "$WORK/deploy.log")"
api_answers() { api GET '/stations?limit=1'; }
until_true 120 "the API to answer" api_answers
measured "up_s=$(($(date +%s) - started))" "services=$(docker service ls -q | wc -l)" "tasks=$(docker ps -q | wc -l)"
builds_at() { for _ in $(seq 1 12); do in_engine curl -sS --max-time 5 "http://127.0.0.1:$1/health" | json it.build; done | sort -u | tr '\n' ' '; }
for port in 3000 4000 4001; do [ "$(builds_at $port)" = "$before " ] || fail "port $port is answered by $(builds_at $port)"; done
for port in 3001 3002 3003 3004 5432 6379 1883; do in_engine timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null && fail "port $port is published"; done
for id in $(docker ps -q); do
  told="$(docker inspect -f '{{.Name}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Memory}} {{.Config.User}}' "$id")"
  read -r name readonly drop memory user <<<"$told"
  [ "$readonly" = true ] && [ "$drop" = '[ALL]' ] && [ "$memory" -gt 0 ] && [ -n "$user" ] || fail "$name is not confined: $told"
done

DATA_NODE=elsewhere deploy one && fail "the disks of Postgres were left behind on another node"
grep -q 'nothing was changed' "$WORK/deploy.log" || fail "deploy.sh says $(tail -3 "$WORK/deploy.log")"

say "direct stations"
# Their network is that of the node: they come in by the published port, as from outside.
docker run --rm --network host --read-only --tmpfs /tmp -v "$SECRETS_DIR/api_key:/run/secrets/api_key:ro" -v stations:/data "$SIMULATOR_IMAGE" launcher/dist/site-setup/site-setup.js \
  --api http://127.0.0.1:3000 --api-key-file /run/secrets/api_key --simulators simulators/dist/main.js --state /data >"$WORK/setup.log" 2>&1 || fail "tokens: $(tail -5 "$WORK/setup.log")"
direct_stations host ws://127.0.0.1:4000/ocpp
some_billed() { cdrs | grep '"DIRECT-' >/dev/null; }
until_true 300 "billed sessions" some_billed

say "a new version, under requests"
begin_requests 3000,4000,4001
started="$(date +%s)"
deploy two || ends_here "the update: $(tail -5 "$WORK/deploy.log")"
measured "update_s=$(($(date +%s) - started))"
sockets_back "$started"
for port in 3000 4000 4001; do [ "$(builds_at $port)" = "$before-two " ] || fail "after the update port $port is answered by $(builds_at $port)"; done

say "a migration that fails"
deploy unwilling && fail "deploy.sh went on after a failed migration"
grep -q 'migration failed' "$WORK/deploy.log" || fail "deploy.sh says $(tail -3 "$WORK/deploy.log")"
[ "$(docker service ls --format '{{.Name}} {{.Image}}' | grep -v _migrate | grep -c unwilling)" = 0 ] || fail "a version whose migration failed was rolled out"

say "a version that does not come up"
started="$(date +%s)"
deploy broken && fail "a version that does not come up counts as deployed"
grep -q 'Went back' "$WORK/deploy.log" || ends_here "deploy.sh says $(tail -3 "$WORK/deploy.log")"
went_back="$(sed -n 's/^Went back to the version before: \(.*\) (.*/\1/p' "$WORK/deploy.log" | wc -w)"
[ "$went_back" = 7 ] || fail "$went_back of 7 services went back: $(cat "$WORK/deploy.log")"
[ "$(docker service ls --format '{{.Image}}' | grep -c 'cloud:two')" = 7 ] || ends_here "not the version before"
measured "went_back=$went_back" "back_s=$(($(date +%s) - started))"
for port in 3000 4000 4001; do [ "$(builds_at $port)" = "$before-two " ] || fail "after going back port $port is answered by $(builds_at $port)"; done

end_requests
several_billed() { [ "$(cdrs | wc -l)" -ge 6 ]; }
until_true 300 "six billed sessions" several_billed
direct_billed

say "a way in that does not come up"
HAPROXY_IMAGE=switchyard-test/cloud:broken deploy two && fail "a HAProxy that does not come up counts as deployed"
grep -q 'Went back to the version before: haproxy ' "$WORK/deploy.log" || ends_here "deploy.sh says $(tail -3 "$WORK/deploy.log")"
until_true 60 "the API to answer again" api_answers
finish
