#!/bin/bash
# The servers of deploy/compose/ha.yml alone, while one client writes through PgBouncer without a pause: the primary is killed, its
# standby promoted, the old one, though it starts first after a stop of both, comes back by pg_rewind; a standby is given up; a primary crashes; Redis' master and a PgBouncer are
# killed. Nothing acknowledged is missing, and the cloud would not take the promoted database for a restored one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/two-of-everything.sh"

begin pair
engine
server_images
product_images cloud
two_of_everything
sql() { docker exec "$(container "$1")" psql -XAtq -U switchyard -d switchyard -c "$2"; }

say "up"
started=$(now)
compose up -d postgres postgres-b pgbouncer redis redis-b sentinel-a sentinel-b sentinel-c migrate >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
migrated() { [ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$(container migrate)")" = 'exited 0' ]; }
until_true 180 "the schema, through PgBouncer" migrated
pair standby together
measured "up_ms=$(($(now) - started))"

acknowledged="$WORK/acknowledged"
touch "$acknowledged"
docker run -d --name writer --network switchyard-test_backend --entrypoint bash --user 0 \
  -v "$WORK:/kept" -e PGCONNECT_TIMEOUT=5 -e URL="$(secret ha_database_url)" switchyard-test/postgres -c '
  psql "$URL" -qc "create table probe (n int primary key)"
  for ((n = 1; ; n++)); do
    timeout 20 psql "$URL" -XAtqc "insert into probe values ($n)" 2>/dev/null && echo "$n $(date +%s%3N)" >>/kept/acknowledged
    sleep 0.05
  done' >/dev/null
more() { [ "$(wc -l <"$acknowledged")" -ge "$1" ]; }
# Writes go on, and have for a while.
steady() { until_true 180 "writes that go on" more $(($(wc -l <"$acknowledged") + 10)); }
# outage NAME SINCE_MS: the longest time without an acknowledged write since then.
outage() { measured "$1_ms=$(awk -v since="$2" '{ if (last && $2 >= since && $2 - last > most) most = $2 - last; last = $2 } END { print most + 0 }' "$acknowledged")"; }
steady
since=$(now); steady; outage undisturbed "$since"

say "the primary is killed"
since=$(now)
docker kill "$(container postgres)" >/dev/null
pair promote
measured "promoted_ms=$(($(now) - since))"
steady; outage primary "$since"
[ "$(sql postgres-b "select active from pg_replication_slots where slot_name = 'standby'")" = f ] || fail "nothing tells that the new primary has no standby"
# Run again where it was cut off before its end, it ends, and promotes nobody back.
echo "postgres-b yes" >"$PAIR_DIR/promoting"
pair promote
[ ! -e "$PAIR_DIR/promoting" ] && [ "$(sql postgres-b "select pg_is_in_recovery()")" = f ] || fail "a promotion that was run again: $(cat "$WORK/pair.log")"
archived() { [ -e "$ARCHIVE_DIR/00000002.history" ]; }
until_true 60 "the new primary to archive its log" archived

say "all is stopped, and the old primary starts first"
since=$(now)
docker stop "$(container postgres-b)" >/dev/null
docker start "$(container postgres)" >/dev/null
sleep 5
[ "$(docker exec "$(container postgres)" pg_isready -q -h 127.0.0.1 && echo up)" != up ] || fail "the old primary serves: what came after the promotion would be lost"
docker start "$(container postgres-b)" >/dev/null
steady; outage boot "$since"
since=$(now)
pair standby together
docker logs "$(container postgres)" 2>&1 | grep 'pg_rewind: Done' >/dev/null || fail "the old primary was not rewound: $(docker logs "$(container postgres)" 2>&1 | grep -A5 'was promoted')"
measured "rewound_ms=$(($(now) - since))"
steady

say "the standby is killed, and given up"
since=$(now)
docker kill "$(container postgres)" >/dev/null
pair standby alone
steady; outage standby "$since"
pair_refuses promote
pair standby together
steady

say "the primary crashes, and comes back by itself"
since=$(now)
# Its first process, which nobody told the engine of: it starts the container again.
nsenter -t "$ENGINE_PID" -p -m -- sh -c "kill -KILL $(docker inspect -f '{{.State.Pid}}' "$(container postgres-b)")"
steady; outage crash "$since"

say "Redis' master is killed"
since=$(now)
redis_killed
measured "redis_ms=$(($(now) - since))"
redis_back

say "both Redis servers are killed, and a Sentinel"
since=$(now)
docker kill "$(container redis)" "$(container redis-b)" "$(container sentinel-b)" >/dev/null
# Their addresses are taken by others meanwhile.
for n in 1 2 3; do docker run -d --name "taker-$n" --network switchyard-test_backend --entrypoint sleep switchyard-test/redis 600 >/dev/null; done
docker start "$(container redis-b)" "$(container redis)" "$(container sentinel-b)" >/dev/null
# agreed: every Sentinel names a master that answers as one, with a replica.
agreed() {
  local it address
  address="$(redis_master)"
  for it in b c; do [ "$(docker exec "$(container sentinel-$it)" redis-cli -p 26379 --raw sentinel get-master-addr-by-name switchyard | head -1)" = "$address" ] || return 1; done
  docker exec "$(container sentinel-a)" redis-cli -p 26379 sentinel ckquorum switchyard | grep '^OK 3 ' >/dev/null || return 1
  docker exec "$(container redis)" sh -c 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli -h "$1" info replication' - "$address" | grep -c 'role:master\|state=online' | grep 2 >/dev/null
}
until_true 180 "Redis to be whole again" agreed
measured "redis_both_ms=$(($(now) - since))"

say "a PgBouncer is killed"
since=$(now)
docker kill "$(container pgbouncer 2)" >/dev/null
steady; outage pgbouncer "$since"

docker kill writer >/dev/null
sql postgres-b "select n from probe" | sort >"$WORK/there"
cut -d' ' -f1 "$acknowledged" | sort >"$WORK/told"
missing="$(comm -13 "$WORK/there" "$WORK/told" | wc -l)"
measured "acknowledged=$(wc -l <"$WORK/told")" "missing=$missing"
[ "$missing" = 0 ] || fail "$missing writes were acknowledged and are not there"
[ -z "$(sql postgres-b "select log.restored()")" ] || fail "the promoted database is taken for a restored one: $(sql postgres-b "select log.restored()")"
finish
