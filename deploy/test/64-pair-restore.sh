#!/bin/bash
# deploy/ha/restore.sh: the pair of Postgres servers, after a promotion, is put back to the moment before a mistake, from a base backup and the archived
# log; the other server is copied from it, and can be promoted in its turn. It refuses while a service runs, and without a whole backup;
# a restore to a time that the log does not reach is given up, and the next one goes on from there; one that was cut off is ended; another one
# to a later time finds what was written after the first.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/two-of-everything.sh"

begin pair_restore
engine
server_images
product_images cloud
two_of_everything
sql() { docker exec "$(container "$1")" psql -XAtq -v ON_ERROR_STOP=1 -U switchyard -d switchyard -c "$2"; }
# Just after a start a standby has everything and may not be asked yet.
have() { [ "$(rows "$1" 2>/dev/null)" = "$2" ]; }
rows() { sql "$1" "select string_agg(n::text, ',' order by n) from probe"; }

say "up"
compose up -d postgres postgres-b pgbouncer redis redis-b sentinel-a sentinel-b sentinel-c migrate >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
migrated() { [ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$(container migrate)")" = 'exited 0' ]; }
until_true 180 "the schema, through PgBouncer" migrated
pair standby together
# So that it is the second server which leads: what is written of who leads must hold, not the order of the file.
pair promote
pair standby together

say "a base backup, and a mistake after it"
sql postgres-b "create table probe (n int); insert into probe values (1)"
# Of the server that follows: what is documented as the command takes it, whoever leads.
until_true 30 "the standby to have what the primary has" have postgres 1
docker exec "$(container postgres)" sh /switchyard/backup/base-backup.sh /archive/base >"$WORK/base.log" 2>&1 || fail "base backup: $(cat "$WORK/base.log")"
sql postgres-b "insert into probe values (2)"
point="$(sql postgres-b "select clock_timestamp()")"
sleep 2
sql postgres-b "insert into probe values (6)"
later="$(sql postgres-b "select clock_timestamp()")"
sleep 2
sql postgres-b "insert into probe values (3); delete from probe where n <> 3"

say "refused, with nothing changed"
pair_refuses restore /archive/base 'yesterday'
pair_refuses restore /archive/none "$point"
compose up -d --no-deps --scale station-service=1 station-service >"$WORK/up.log" 2>&1 || fail "$(tail -5 "$WORK/up.log")"
pair_refuses restore /archive/base "$point"
grep -q 'still running: station-service' "$WORK/pair.log" || fail "restore.sh says $(cat "$WORK/pair.log")"
compose stop station-service >/dev/null 2>&1
[ "$(rows postgres-b)" = 3 ] && [ "$(rows postgres)" = 3 ] || fail "a restore that was refused changed something"

say "a time that the log does not reach"
pair_refuses restore /archive/base "$(date -u -d '+1 day' '+%F %T+00')"
grep -q 'does not recover' "$WORK/pair.log" || fail "restore.sh says $(cat "$WORK/pair.log")"
pair restore --back
[ "$(rows postgres-b)" = 3 ] || fail "given up, the primary has $(rows postgres-b)"
pair standby together
until_true 30 "the standby, given up, to have 3" have postgres 3
pair_refuses restore --back
pair_refuses restore /archive/base "$(date -u -d '+1 day' '+%F %T+00')"

say "back to $point"
started=$(now)
pair restore /archive/base "$point"
measured "restored_ms=$(($(now) - started))"
[ "$(rows postgres-b)" = 1,2 ] || fail "after the restore there are $(rows postgres-b)"
[ -n "$(sql postgres-b "select log.restored()")" ] || fail "the restored database is not taken for one"
[ -e "$PAIR_DIR/alone" ] || fail "the pair counts as together"
pair_refuses restore /archive/base "$point"
grep -q 'earlier restore' "$WORK/pair.log" || fail "restore.sh says $(cat "$WORK/pair.log")"

say "that was cut off just before its end"
printf 'another\n/archive/base %s\n' "$point" >"$PAIR_DIR/restoring"
pair_refuses restore --back
pair_refuses standby together
pair_refuses promote
docker exec "$(container postgres-b)" cat /var/lib/postgresql/data/pgdata/restore-id | cat - <(echo "/archive/base $point") >"$PAIR_DIR/restoring"
pair_refuses restore --back
pair restore /archive/base "$point"
grep -q 'has come to its end' "$WORK/pair.log" && [ ! -e "$PAIR_DIR/restoring" ] || fail "a restore that was cut off: $(cat "$WORK/pair.log")"
[ "$(rows postgres-b)" = 1,2 ] || fail "ended, there are $(rows postgres-b)"

say "and to $later"
for name in postgres postgres-b; do
  docker run --rm --volumes-from "$(container "$name")" --entrypoint rm switchyard-test/postgres -rf /var/lib/postgresql/data/pgdata.before-restore
done
pair restore /archive/base "$later"
[ "$(rows postgres-b)" = 1,2,6 ] || fail "after the restore to the later time there are $(rows postgres-b)"
sql postgres-b "insert into probe values (4)"
pair standby together
measured "together_ms=$(($(now) - started))"
until_true 30 "the standby to have 1,2,4,6" have postgres 1,2,4,6
client() { docker exec -e PGCONNECT_TIMEOUT=5 "$(container postgres)" psql "$(secret ha_database_url)" -XAtqc "$1"; }
until_true 60 "a write through PgBouncer" client "insert into probe values (5)"

say "and promoted"
pair promote
[ "$(rows postgres)" = 1,2,4,5,6 ] || fail "after the promotion there are $(rows postgres)"
pair standby together
until_true 30 "the server that was restored to have 1,2,4,5,6 as the standby" have postgres-b 1,2,4,5,6
finish
