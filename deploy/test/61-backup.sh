#!/bin/bash
# deploy/compose/backup.yml: a base backup while cars charge, the log archived, then a mistake in the database; it is put back to the
# moment before. The site, which charged all the time, sends again what the restored cloud lacks: every session is billed once.
. "$(dirname "$0")/lib.sh"

begin backup
engine
server_images
product_images
export COMPOSE_HTTP_TIMEOUT=300 SIMULATION_SPEED=100 ARCHIVE_DIR="$WORK/archive"
compose_project switchyard-test
mkdir "$ARCHIVE_DIR" && chown 999:999 "$ARCHIVE_DIR"
files=(-f docker-compose.yml -f deploy/compose/backup.yml --profile simulation)
with() { compose "${files[@]}" "$@"; }
tell_containers() { with ps; with logs --no-color --tail=20 2>/dev/null | tail -150; }
sql() { with exec -T postgres psql -XAtq -v ON_ERROR_STOP=1 -U switchyard -d switchyard -c "$1"; }
services="api-gateway station-service driver-service billing-service monitoring-service ocpp-gateway site-gateway"
cdrs() { sql "select count(*) from billing.cdr"; }
more_cdrs() { [ "$(cdrs)" -ge "$1" ]; }
settled() {
  node24 "$ROOT/end-to-end/chaos/settled.ts" --api http://127.0.0.1:3000 --key-file "$SECRETS_DIR/api_key" --wait 240 \
    --ledger "$(docker volume inspect -f '{{.Mountpoint}}' switchyard-test_stations)/ledger.jsonl"
}

say "up"
with up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
until_true 300 "sessions that are billed" more_cdrs 2

say "a base backup, while cars charge"
started=$(date +%s%3N)
with exec -T postgres sh /switchyard/backup/base-backup.sh /archive/base >"$WORK/base.log" 2>&1 || fail "base backup: $(cat "$WORK/base.log")"
measured "base_ms=$(($(date +%s%3N) - started))"
until_true 240 "sessions after the backup" more_cdrs $(($(cdrs) + 3))

say "a mistake"
point="$(sql "select clock_timestamp()")"
at_point="$(cdrs)"
generation="$(sql "select id from log.generation")"
sleep 2
api POST /tokens '{"idToken":"AFTER-THE-POINT","type":"ISO14443","valid":true}' >/dev/null
sql "delete from billing.invoice_line; delete from billing.cdr" >/dev/null
[ "$(cdrs)" -lt "$at_point" ] || fail "the mistake did no harm"
file="$(sql "select pg_walfile_name(pg_switch_wal())")"
archived() { [ -e "$ARCHIVE_DIR/$file" ]; }
until_true 60 "$file in the archive" archived

say "back to $point"
started=$(date +%s%3N)
with stop $services >"$WORK/stop.log" 2>&1
with stop postgres >>"$WORK/stop.log" 2>&1
with run --rm --no-deps -T postgres sh /switchyard/backup/restore.sh /archive/base /archive "$point" /var/lib/postgresql/data/restored \
  >"$WORK/restore.log" 2>&1 || fail "restore: $(cat "$WORK/restore.log")"
export POSTGRES_DATA=restored
with up -d --no-deps postgres >>"$WORK/restore.log" 2>&1 || fail "$(tail -5 "$WORK/restore.log")"
writes() { [ "$(sql 'select pg_is_in_recovery()')" = f ]; }
until_true 120 "the restored database to take writes" writes
measured "restored_ms=$(($(date +%s%3N) - started))"
[ "$(cdrs)" = "$at_point" ] || fail "$(cdrs) CDRs are there, $at_point were at $point"
[ "$(sql "select count(*) from driver.token where id_token = 'AFTER-THE-POINT'")" = 0 ] || fail "a token of after the point is there"
with run --rm --no-deps -T migrate migrate status >"$WORK/status.log" 2>&1 || fail "migrate status: $(tail -5 "$WORK/status.log")"
with up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
until_true 120 "the cloud" ready api-gateway
measured "up_again_ms=$(($(date +%s%3N) - started))"
[ "$(sql "select id from log.generation")" != "$generation" ] || fail "the restored database was not noticed"
over() { [ "$(api GET '/alerts?state=all&limit=100' | json 'it.items.filter((a) => a.rule === "cloud-restored" && a.clearedAt !== null).length')" = 1 ]; }
until_true 240 "the site to be told of the restored cloud, and to have answered" over
measured "site_back_ms=$(($(date +%s%3N) - started))" "cdrs_at_point=$at_point"
told="$(settled)" || fail "$told"
measured "$told"

say "the broker's disk is lost, and its accounts put back"
with exec -T mosquitto cat /mosquitto/data/dynamic-security.json >"$WORK/accounts.json"
grep -q '"demo"' "$WORK/accounts.json" || fail "the site has no account in $(head -c 300 "$WORK/accounts.json")"
linked() { [ "$(in_engine curl -sSf http://127.0.0.1:8080/api/status | json it.link.linked)" = true ]; }
away() { ! linked; }
started=$(date +%s%3N)
with stop mosquitto >"$WORK/stop.log" 2>&1
until_true 60 "the site to notice" away
with run --rm --no-deps -T mosquitto sh -c 'rm -rf /mosquitto/data/*; umask 077; cat >/mosquitto/data/dynamic-security.json' <"$WORK/accounts.json" >"$WORK/accounts.log" 2>&1 || fail "$(cat "$WORK/accounts.log")"
with start mosquitto >>"$WORK/stop.log" 2>&1
until_true 120 "the site to be linked again" linked
measured "broker_back_ms=$(($(date +%s%3N) - started))"
finish
