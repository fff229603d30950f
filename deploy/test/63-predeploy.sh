#!/bin/bash
# `npm run predeploy` against production under compose, with TLS, backups and Prometheus: every check looks and is content, and once a
# replica hangs, the certificate is another's and the base backup is gone, each is named and no deployment may begin.
. "$(dirname "$0")/lib.sh"

begin predeploy
engine
needs openssl=openssl
prepared
server_images prometheus alertmanager
product_images cloud
# Images of production name their versions. In Grafana's place, which has no Debian package, stands what is not started.
for name in postgres redis mosquitto haproxy prometheus alertmanager cloud; do
  docker tag "switchyard-test/$name" "switchyard-test/$name:1"
  export "${name^^}_IMAGE=switchyard-test/$name:1"
done
export GRAFANA_IMAGE="$REDIS_IMAGE"
export TLS_DIR="$WORK/tls" TLS_ADDRESS=127.0.0.1 BACKUPS="$WORK/backups" ARCHIVE_DIR="$WORK/backups/archive"
{
  grep -vE '^(COMPOSE_PROJECT_NAME|COMPOSE_FILE|CLOUD_IMAGE|TLS_ADDRESS|TLS_DIR|SECRETS_DIR)=' "$ROOT/.env.production"
  echo "CLOUD_IMAGE=$CLOUD_IMAGE"
  for name in TLS_DIR TLS_ADDRESS ARCHIVE_DIR; do echo "$name=${!name}"; done
  echo "SECRETS_DIR=$WORK/secrets"
  echo COMPOSE_FILE=docker-compose.yml:deploy/compose/production.yml:deploy/compose/tls.yml:deploy/compose/backup.yml:deploy/compose/monitoring.yml
} >"$WORK/production"
compose_project switchyard-test "$WORK/production"
"$ROOT/deploy/compose/make-tls.sh" >/dev/null
mkdir -p "$ARCHIVE_DIR" && chown 999:999 "$BACKUPS" "$ARCHIVE_DIR" && chmod 0755 "$WORK"

say "up"
compose up -d --scale grafana=0 >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
all_ready
docker exec "$(container postgres)" sh /switchyard/backup/base-backup.sh /archive/base >"$WORK/base.log" 2>&1 || fail "base backup: $(cat "$WORK/base.log")"
mv "$ARCHIVE_DIR/base" "$BACKUPS/base"
up() { in_engine curl -sSf -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=sum(up)" | json 'it.data.result[0].value[1]'; }
targets=0
for name in "${!PORTS[@]}"; do targets=$((targets + $(docker ps -q --filter "label=com.docker.compose.service=$name" | wc -l))); done
[ "$targets" -gt 7 ] || fail "only $targets replicas run"
all_up() { [ "$(up)" = "$targets" ]; }
until_true 120 "$targets replicas that Prometheus asks" all_up

predeploy() {
  in_engine node "$ROOT/launcher/dist/predeploy.js" --env production --file "$WORK/production" --no-tests --backups "$BACKUPS" --archive "$ARCHIVE_DIR" \
    --prometheus http://127.0.0.1:9090 >"$WORK/told" 2>&1
}
say "a deployment that may begin"
predeploy || fail "$(cat "$WORK/told")"
cat "$WORK/told"
[ "$(tail -1 "$WORK/told")" = '6 ok, 0 wrong, 1 left out' ] || fail "$(cat "$WORK/told")"
measured "ok=6"

say "one that may not"
# It hangs; one that ends is gone from DNS, and asked no more.
docker pause "$(container monitoring-service 2)" >/dev/null
mv "$BACKUPS/base" "$BACKUPS/gone.part"
cp "$TLS_DIR/key.pem" "$WORK/key.pem"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$TLS_DIR/key.pem" 2>/dev/null
hanging() { [ "$(up)" -lt "$targets" ]; }
until_true 60 "Prometheus to miss a replica" hanging
predeploy && fail "a deployment may begin: $(cat "$WORK/told")"
cat "$WORK/told"
for what in 'WRONG +certificates +key.pem is not its key' 'WRONG +backups .*holds no whole base backup' 'WRONG +monitoring .*is down'; do
  grep -qE "$what" "$WORK/told" || fail "not named: $what"
done
measured "wrong=3"
finish
