#!/bin/bash
# deploy/compose/upgrade.sh under load: every replica changes to another build and back, one after the other, with sessions running
# at a site and at direct stations. No request fails, sockets come back by themselves, sessions are billed once. A build that
# does not come up is rolled back by itself, and a migration that fails changes nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/under-load.sh"

begin rolling
two_builds
variant broken 'ENTRYPOINT ["node", "-e", "process.argv.includes(\"migrate\") || process.exit(1)", "--"]'
variant unwilling 'ENTRYPOINT ["node", "-e", "process.exit(1)"]'
export STATION_SERVICE_REPLICAS=2 OCPP_GATEWAY_REPLICAS=2
busy_system
# Two of those that requests and stations meet.
compose up -d --no-recreate --scale station-service=2 --scale ocpp-gateway=2 --scale api-gateway=2 >"$WORK/scale.log" 2>&1
# Compose is told the image by the file from here on, as by an operator.
unset CLOUD_IMAGE && echo CLOUD_IMAGE=switchyard-test/cloud:one >>"$WORK/variables"

export HEALTHY_S=$((120 * PATIENCE))
upgrade() { "$ROOT/deploy/compose/upgrade.sh" --env-file "$WORK/variables" "$@" >"$WORK/upgrade.log" 2>&1; }

begin_requests
say "rolling to another build"
from="$(date +%s)"
upgrade switchyard-test/cloud:two || fail "upgrade: $(tail -20 "$WORK/upgrade.log")"
measured "replicas=$(grep -c 'a replica has changed' "$WORK/upgrade.log")" "upgrade_s=$(($(date +%s) - from))"
[ "$(builds)" = "$before-two " ] || fail "after the upgrade there is $(builds)"
grep -q '^CLOUD_IMAGE=switchyard-test/cloud:two$' "$WORK/variables" || fail "the file of variables does not name the new image"
sockets_back "$from"

say "and back"
from="$(date +%s)"
upgrade switchyard-test/cloud:one || fail "back: $(tail -20 "$WORK/upgrade.log")"
measured "back_s=$(($(date +%s) - from))"
[ "$(builds)" = "$before " ] || fail "after going back there is $(builds)"

say "a build that does not come up"
code=0
HEALTHY_S=$((20 * PATIENCE)) upgrade switchyard-test/cloud:broken station-service || code=$?
[ "$code" = 1 ] && grep -q 'is not ready; it is removed' "$WORK/upgrade.log" || fail "exit code $code: $(tail -20 "$WORK/upgrade.log")"
[ "$(builds)" = "$before " ] || fail "after a bad build there is $(builds)"
code=0
upgrade switchyard-test/cloud:unwilling || code=$?
[ "$code" = 1 ] && grep -q 'the migration failed' "$WORK/upgrade.log" || fail "a migration that failed: exit code $code: $(tail -20 "$WORK/upgrade.log")"
[ "$(builds)" = "$before " ] || fail "after a failed migration there is $(builds)"
measured "bad_build=rolled_back" "failed_migration=nothing_changed"
end_requests
all_billed
finish
