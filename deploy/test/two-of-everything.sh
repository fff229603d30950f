# deploy/compose/ha.yml as its tests have it: project switchyard-test, with the pair's files in $WORK/pair. Sourced after lib.sh.
#
#   two_of_everything ENV_FILE   images and files; `compose` means the overlay too from then on, or the files that $OVERLAYS names
#   pair NAME ARGS...            deploy/ha/NAME.sh, which must succeed
#   pair_refuses NAME ARGS...    the same, which must not
#   begin_writes                 somebody writes over the API without a pause; then
#   steady                       waits until writes have been acknowledged again for a while
#   outage NAME SINCE_MS         measures the longest time without an acknowledged write since then
#   all_held                     ends them; what was acknowledged is there, or the test fails
#   redis_killed                 kills Redis' master and waits for the Sentinels to choose the replica; `redis_back` starts it again

two_of_everything() {
  build_image switchyard-test/pgbouncer "$ROOT/deploy/ha" -f "$ROOT/deploy/ha/pgbouncer.Dockerfile" --build-arg "BASE_IMAGE=$BASE_IMAGE"
  export PGBOUNCER_IMAGE=switchyard-test/pgbouncer PAIR_DIR="$WORK/pair" COMPOSE_FILE="${OVERLAYS:-docker-compose.yml:deploy/compose/ha.yml}"
  export ARCHIVE_MODE=on ARCHIVE_DIR="$WORK/archive"
  mkdir "$ARCHIVE_DIR" && chown 999:999 "$ARCHIVE_DIR" && chmod 0755 "$WORK"
  compose_project switchyard-test "$@"
  "$ROOT/deploy/ha/prepare.sh" >/dev/null
}

pair() { "$ROOT/deploy/ha/$1.sh" "${@:2}" >"$WORK/pair.log" 2>&1 || fail "$*: $(cat "$WORK/pair.log")"; }
pair_refuses() { ! "$ROOT/deploy/ha/$1.sh" "${@:2}" >"$WORK/pair.log" 2>&1 || fail "$* was done: $(cat "$WORK/pair.log")"; }

redis_master() { docker exec "$(container sentinel-a)" redis-cli -p 26379 --raw sentinel get-master-addr-by-name switchyard | head -1; }
redis_is() { [ "$(redis_master)" = "$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container "$1")")" ]; }
redis_follows() { docker exec "$(container redis)" sh -c 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli info replication' | grep role:slave >/dev/null; }
redis_killed() {
  redis_is redis || fail "the Sentinels take $(redis_master) for the master"
  docker kill "$(container redis)" >/dev/null
  until_true 60 "the Sentinels to choose the replica" redis_is redis-b
}
redis_back() {
  docker start "$(container redis)" >/dev/null
  until_true 120 "the old master to be a replica" redis_follows
}

begin_writes() {
  ACKNOWLEDGED="$WORK/acknowledged"
  touch "$ACKNOWLEDGED"
  job "$NODE24" "$ROOT/deploy/test/probe.mjs" write http://127.0.0.1:3000 "$SECRETS_DIR/api_key" "$ACKNOWLEDGED" >"$WORK/probe.log" 2>&1
  WRITER="$JOB"
  steady
}
acknowledged() { [ "$(wc -l <"$ACKNOWLEDGED")" -gt "$1" ]; }
steady() { until_true 120 "writes that go on" acknowledged $(($(wc -l <"$ACKNOWLEDGED") + 25)); }
outage() { measured "$1_ms=$(node "$ROOT/deploy/test/probe.mjs" outage "$ACKNOWLEDGED" "$2")"; }
all_held() {
  local held
  kill "$WRITER"
  wait "$WRITER" 2>/dev/null || true
  held="$(node24 "$ROOT/deploy/test/probe.mjs" held http://127.0.0.1:3000 "$SECRETS_DIR/api_key" "$ACKNOWLEDGED")"
  measured "$held"
  [[ "$held" == *missing=0 ]] || fail "acknowledged and not there: $held"
}
