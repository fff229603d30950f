#!/bin/bash
# deploy/compose/bluegreen.sh under load: another build stands apart, is tried as a whole, serves from one moment on, goes back in
# one command and comes again. No request fails, sockets come back by themselves, sessions are billed once; a build that fails
# its smoke test never serves anybody.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/under-load.sh"

begin blue-green
two_builds
# Up and ready, and its driver-service has no tokens to show.
variant wrong 'USER root
RUN sed -i "s#\"/v1/tokens\"#\"/v1/no-tokens\"#g" cloud/dist/*.js
USER 10001:10001'
busy_system
unset CLOUD_IMAGE && echo CLOUD_IMAGE=switchyard-test/cloud:one >>"$WORK/variables"

bluegreen() { "$ROOT/deploy/compose/bluegreen.sh" --env-file "$WORK/variables" "$@" >"$WORK/bluegreen.log" 2>&1; }
told() { tail -20 "$WORK/bluegreen.log"; }

export HEALTHY_S=$((120 * PATIENCE))
begin_requests
say "a build that fails its smoke test"
code=0
bluegreen start switchyard-test/cloud:wrong || code=$?
[ "$code" = 1 ] && grep -q 'does not do what it should' "$WORK/bluegreen.log" || fail "exit code $code: $(told)"
[ "$(builds)" = "$before " ] || fail "after a smoke test that failed there is $(builds)"
[ "$(compose ps -q api-gateway | wc -l)" = 1 ] || fail "replicas are left of a build that failed"
measured "smoke=refused"

say "green stands apart"
started="$(date +%s)"
bluegreen start switchyard-test/cloud:two || fail "start: $(told)"
measured "start_s=$(($(date +%s) - started))"
[ "$(builds)" = "$before " ] || fail "before the switch there is $(builds)"

# switched KEY BUILD: from the command to the last answer of the other build.
switched() {
  local from
  from="$(date +%s%3N)"
  bluegreen switch || fail "switch: $(told)"
  measured "$1=$(($(date +%s%3N) - from))"
  [ "$(builds)" = "$2 " ] || fail "after the switch there is $(builds)"
}
say "switch, back, and again"
switched switch_ms "$before-two"
switched back_ms "$before"
switched again_ms "$before-two"
grep -q '^CLOUD_IMAGE=switchyard-test/cloud:two$' "$WORK/variables" || fail "the file of variables does not name the image that serves"

say "blue goes"
from="$(date +%s)"
bluegreen finish || fail "finish: $(told)"
[ "$(compose ps -q | xargs docker inspect -f '{{.Config.Image}}' | grep -c 'cloud:one')" -le 1 ] || fail "blue is still there"
sockets_back "$from"
end_requests
all_billed
finish
