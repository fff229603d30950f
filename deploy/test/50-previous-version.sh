#!/bin/bash
# The version before the newest migration (or the last release) runs on the schema of this one: its services go on while the new
# migrations are applied under them, stand beside the new ones in an upgrade, and start anew there when it is taken back. No
# request fails, sessions are billed once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/under-load.sh"

begin previous-version
needs git=git
git -C "$ROOT" rev-parse HEAD >/dev/null || fail "this needs the history of the checkout"
newest() { git -C "$ROOT" log -1 --format=%H -- 'cloud/src/*/migrations/*.sql' 'cloud/src/*/*/migrations/*.sql'; }
previous="$(git -C "$ROOT" describe --tags --abbrev=0 --match 'v*' 2>/dev/null || git -C "$ROOT" rev-parse --verify -q "$(newest)^" || fail "there is no version before the newest migration in this history")"
previous="$(git -C "$ROOT" rev-parse --short=12 "$previous^{commit}")"
engine
server_images
product_images
docker tag "$CLOUD_IMAGE" switchyard-test/cloud:present
mkdir "$WORK/previous"
git -C "$ROOT" archive "$previous" | tar -x -C "$WORK/previous"
build_image switchyard-test/cloud:previous "$WORK/previous" --target cloud --build-arg "BUILD_ID=$previous" --build-arg "NODE_IMAGE=$NODE_IMAGE" --build-arg "BASE_IMAGE=$BASE_IMAGE"
measured "previous=$previous"

export CLOUD_IMAGE=switchyard-test/cloud:previous
busy_system
export HEALTHY_S=$((120 * PATIENCE))
begin_requests

say "the schema of the present under the previous version"
export CLOUD_IMAGE=switchyard-test/cloud:present
compose run --rm --no-deps -T migrate >"$WORK/migrate.log" 2>&1 </dev/null || fail "migrate: $(tail -20 "$WORK/migrate.log")"
export CLOUD_IMAGE=switchyard-test/cloud:previous
status="$(compose run --rm --no-deps -T migrate migrate status 2>/dev/null </dev/null | tail -1)" || fail "the previous version has something to do: $status"
newer="$(grep -oE '[0-9]+ newer' <<<"$status" | cut -d' ' -f1)"
[ "${newer:-0}" -gt 0 ] || fail "no migration is newer than the previous version ($status): this shows nothing"
measured "newer_migrations=$newer"

bills() { cdrs | wc -l; }
more_bills() { [ "$(bills)" -gt "$before" ]; }
go_on() { before="$(bills)"; until_true 180 "sessions that are billed, $1" more_bills; }
go_on "by the previous version on the newer schema"
unset CLOUD_IMAGE && echo CLOUD_IMAGE=switchyard-test/cloud:previous >>"$WORK/variables"
say "forth and back"
for to in present previous; do
  "$ROOT/deploy/compose/upgrade.sh" --env-file "$WORK/variables" "switchyard-test/cloud:$to" >"$WORK/upgrade.log" 2>&1 || fail "to $to: $(tail -20 "$WORK/upgrade.log")"
  go_on "by the $to version"
done
end_requests
all_billed
finish
