#!/bin/bash
# deploy/compose/monitoring.yml: Prometheus finds every replica and the site's controller and keeps what the rules record, and a
# site whose packets are dropped is told at a webhook within half a minute, by its name. (Grafana has no Debian package: it is not run.)
. "$(dirname "$0")/lib.sh"

begin monitoring
engine
server_images prometheus alertmanager
product_images
receiver_image
export SIMULATION_SPEED=20 ALERTMANAGER_CONFIG="$WORK/alertmanager.yml" PROMETHEUS_SITES_DIR="$WORK/sites"
compose_project switchyard-test
sed 's#http://127.0.0.1:9095/alerts#http://receiver:9095/alerts#' "$ROOT/deploy/observability/alertmanager/alertmanager.yml" >"$ALERTMANAGER_CONFIG"
grep -q receiver:9095 "$ALERTMANAGER_CONFIG" || fail "the address of the webhook was not found in alertmanager.yml"
mkdir -p "$PROMETHEUS_SITES_DIR"
echo '[{ "targets": ["site-controller:8080"], "labels": { "site": "demo" } }]' >"$PROMETHEUS_SITES_DIR/demo.json"
chmod -R go+rX "$WORK"
monitored() { compose -f docker-compose.yml -f deploy/compose/monitoring.yml --profile simulation "$@"; }

say "files"
# Alone and together, with what is not run here too.
overlays=()
for name in monitoring tracing logs elk; do
  overlays+=(-f "deploy/compose/$name.yml")
  [ "$name" = elk ] || compose -f docker-compose.yml -f "deploy/compose/$name.yml" config -q || fail "$name.yml is not valid"
done
compose -f docker-compose.yml -f deploy/compose/production.yml "${overlays[@]}" config -q || fail "the overlays do not go together"
measured "overlays=4"

say "rules, by their own tests"
promtool() { docker run --rm --network none --read-only --tmpfs /tmp -v "$ROOT/deploy/observability/prometheus:/rules:ro" --entrypoint promtool "$PROMETHEUS_IMAGE" "$@" >"$WORK/promtool.log" 2>&1 || fail "promtool $*: $(tail -30 "$WORK/promtool.log")"; }
promtool check rules /rules/rules.yml
promtool test rules /rules/rules.test.yml
measured "rule_tests=$(grep -c '^  - name:' "$ROOT/deploy/observability/prometheus/rules.test.yml")"

say "up"
# All but Grafana, and two replicas of one service.
monitored up -d --scale station-service=2 $(monitored config --services | grep -vx grafana) >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
docker run -d --name receiver --network switchyard-test_frontend -p 127.0.0.1:16686:16686 "$RECEIVER_IMAGE" >/dev/null

say "targets"
# asks QUERY EXPRESSION: what Prometheus answers, as `it`: a list of { metric, value }.
asks() { in_engine curl -sSf --max-time 5 -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=$1" | json "((it) => $2)(it.data.result)"; }
all_up() { [ "$(asks 'sum by (job) (up)' 'it.map((one) => one.metric.job + one.value[1]).sort().join()')" = sites1,switchyard8 ]; }
until_true 120 "eight replicas of services and a site that are up" all_up
[ "$(asks 'up == 0' it.length)" = 0 ] || fail "a target is down: $(asks 'up == 0' it)"
measured "targets=9"
recorded() { [ "$(asks 'switchyard:consumer_lag_seconds:max' it.length)" -ge 4 ]; }
until_true 60 "what the rules record" recorded
site_is() { [ "$(asks 'max(switchyard_sites{online="true"})' 'it[0].value[1]')" = "$1" ]; }
until_true 60 "the site in the figures" site_is 1
rules="$(in_engine curl -sSf http://127.0.0.1:9090/api/v1/rules | json 'it.data.groups.flatMap((one) => one.rules)' | tee "$WORK/rules" | json 'it.filter((one) => one.health !== "ok").map((one) => one.name).join()')"
[ "$rules" = "" ] || fail "rules that cannot be evaluated: $rules"
measured "rules=$(json it.length <"$WORK/rules")"

say "a site that is cut off: its packets are dropped, and no connection breaks"
# Prometheus must not hear of it from the site itself.
cut_at="$(date +%s%3N)"
docker network disconnect switchyard-test_frontend "$(monitored ps -q site-controller)"
HEARD='it.webhook.flatMap((one) => one.body.alerts.map((alert) => ({ at: one.at, ...alert }))).find((one) => one.status === "firing" && one.labels.alertname === "SiteOffline")'
heard() { [ "$(received "String(($HEARD)?.labels.site)")" = demo ]; }
until_true 60 "the alert at the webhook" heard
alert="$(received "$HEARD")"
took=$(($(json it.at <<<"$alert") - cut_at))
[ "$(json it.annotations.runbook <<<"$alert")" = docs/runbooks/site-offline.md ] || fail "the alert tells $alert"
[ "$took" -le 30000 ] || fail "the alert came after $took ms"
measured "alert_s=$((took / 1000)).$((took % 1000 / 100))"

say "it is back"
docker network connect switchyard-test_frontend "$(monitored ps -q site-controller)"
until_true 60 "the site, back" site_is 1
finish
