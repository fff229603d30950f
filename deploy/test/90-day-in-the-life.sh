#!/bin/bash
# One deployment through all that a year brings: up with two of everything, a site's session billed, services scaled, a replica killed,
# Postgres promoted, Redis failed over, a new version rolled out and rolled back; with cars charging all the time at a site and
# at direct stations. No session is lost, none is billed twice, and what the API acknowledged is there.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/under-load.sh"
. "$(dirname "$0")/two-of-everything.sh"

begin day-in-the-life
two_builds
deployed="$(date +%s)"
two_of_everything "$(variables_of_its_own)"
busy_system
measured "billed_s=$(($(date +%s) - deployed))"
pair standby together

begin_writes

say "scaled"
export STATION_SERVICE_REPLICAS=3 BILLING_SERVICE_REPLICAS=3
compose up -d --no-recreate --scale station-service=3 --scale billing-service=3 >"$WORK/scale.log" 2>&1 || fail "scale: $(tail -20 "$WORK/scale.log")"
for name in station-service billing-service; do until_true 120 "three replicas of $name behind its port" shared_by 3 "$name"; done
measured "station_service=3" "billing_service=3"

say "a replica is killed"
since=$(now)
docker kill "$(container station-service)" >/dev/null
steady; outage replica "$since"
docker start "$(container station-service)" >/dev/null
until_true 120 "three replicas of station-service, again" shared_by 3 station-service

say "Postgres is promoted"
since=$(now)
docker kill "$(container postgres)" >/dev/null
pair promote
steady; outage promotion "$since"
pair standby together

say "Redis fails over"
since=$(now)
redis_killed
steady; outage redis "$since"
redis_back

say "a new version, and back"
unset CLOUD_IMAGE && echo CLOUD_IMAGE=switchyard-test/cloud:one >>"$WORK/variables"
export HEALTHY_S=$((120 * PATIENCE))
begin_requests
for to in two one; do
  from="$(date +%s)"
  "$ROOT/deploy/compose/upgrade.sh" --env-file "$WORK/variables" "switchyard-test/cloud:$to" >"$WORK/upgrade.log" 2>&1 || fail "to $to: $(tail -20 "$WORK/upgrade.log")"
  measured "to_${to}_s=$(($(date +%s) - from))"
  sockets_back "$from" "${to}_"
  [ "$to" = two ] && wanted="$before-two " || wanted="$before "
  [ "$(builds)" = "$wanted" ] || fail "after the upgrade to $to there is $(builds)"
done
end_requests

say "what came of it"
all_held
all_billed
finish
