#!/bin/bash
# The images: small, from the lockfile alone, without root, on a root that cannot be written, with a health check that tells the truth.
. "$(dirname "$0")/lib.sh"

GOAL_MB=300

begin image
engine
base_image
node_image

# Both builders make it; the second one from the first one's layers where it can.
started=$(date +%s)
DOCKER_BUILDKIT=0 product_images
measured "build_s=$(($(date +%s) - started))"

for target in cloud edge-controller simulator; do
  image="switchyard-test/$target"
  mb=$(($(docker image inspect -f '{{.Size}}' "$image") / 1000000))
  [ "$mb" -lt "$GOAL_MB" ] || fail "$image has $mb MB; the goal is less than $GOAL_MB"
  measured "${target//-/_}_mb=$mb"
  user="$(docker image inspect -f '{{.Config.User}}' "$image")"
  [ "$user" = 10001:10001 ] || fail "$image runs as '$user'"
done

say "nothing in it can be written by its user, and its packages are those of the lockfile"
confined=(--rm --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp --network none)
for target in cloud edge-controller simulator; do
  image="switchyard-test/$target"
  writable="$(docker run "${confined[@]}" --entrypoint find "$image" /app /usr /etc -xdev -writable ! -type l 2>/dev/null || true)"
  [ -z "$writable" ] || fail "$image: its user can write $(head -3 <<<"$writable")"
  docker run "${confined[@]}" --entrypoint ls "$image" node_modules/.pnpm | grep -E '@[0-9]' >"$WORK/packages"
  node - "$ROOT/pnpm-lock.yaml" "$WORK/packages" <<'JS' || fail "$image holds packages that the lockfile does not name"
const { readFileSync } = require('node:fs')
const [lock, listed] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'))
const named = new Set([...lock.matchAll(/^ {2}'?((?:@[^/\s]+\/)?[^@\s/]+@\d[^\s(':]*)/gm)].map((it) => it[1].replace('/', '+')))
const strange = listed.trim().split('\n').filter((it) => !named.has(/^@?[^@]+@[^_]+/.exec(it)?.[0]))
if (strange.length > 0 || named.size === 0) { console.error(strange.join('\n')); process.exit(1) }
JS
  measured "${target//-/_}_packages=$(wc -l <"$WORK/packages")"
done

say "the cloud says what is wrong with its configuration, and touches nothing"
docker run "${confined[@]}" switchyard-test/cloud --list-targets | grep -x site-gateway >/dev/null || fail "the targets are not listed"
code=0
told="$(docker run "${confined[@]}" switchyard-test/cloud --verify-config 2>&1)" || code=$?
[ "$code" = 1 ] && grep -q 'DATABASE_URL: is needed' <<<"$told" || fail "exit code $code: $told"

say "the site controller runs and is healthy"
docker run -d --name site --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp --network none \
  -e SITE_ID=image-test --health-interval 1s switchyard-test/edge-controller >/dev/null
until_true 30 "a healthy site controller" sh -c '[ "$(docker inspect -f "{{.State.Health.Status}}" site)" = healthy ]'
health="$(docker exec site node -e 'fetch("http://127.0.0.1:8080/health").then((it) => it.text()).then(console.log)')"
version="$(node -p 'require(process.argv[1]).version' "$ROOT/edge-controller/package.json")"
[ "$(json 'it.version' <<<"$health") $(json 'it.build' <<<"$health")" = "$version $BUILD_ID" ] || fail "/health tells $health"
[ "$(docker exec site cat /proc/1/comm)" = tini ] || fail "process 1 is not tini"
docker exec -e HEALTH_URL=http://127.0.0.1:1/health site ./health.sh 2>/dev/null && fail "the health check is content with nothing"
# signal NAME: to Node alone.
signal() { docker exec site sh -c 'for p in /proc/[0-9]*; do [ "$p" = /proc/1 ] || ! grep -q "edge-controller/[d]ist" "$p/cmdline" || kill -'"$1"' "${p#/proc/}"; done'; }
signal STOP
until_true 30 "an unhealthy one, once it is stopped" sh -c '[ "$(docker inspect -f "{{.State.Health.Status}}" site)" = unhealthy ]'
signal CONT
stopped=$(date +%s%3N)
docker stop -t 20 site >/dev/null
measured "stop_ms=$(($(date +%s%3N) - stopped))"
[ "$(docker inspect -f '{{.State.ExitCode}}' site)" = 0 ] || fail "it ended with $(docker inspect -f '{{.State.ExitCode}}' site)"

say "BuildKit makes the same images"
docker tag switchyard-test/cloud switchyard-test/cloud:classic
DOCKER_BUILDKIT=1 product_images cloud
list() { docker run "${confined[@]}" --entrypoint find "$1" /app -type f -printf '%P %s\n' | sort; }
diff <(list switchyard-test/cloud:classic) <(list switchyard-test/cloud) >"$WORK/diff" || fail "the two builders differ: $(head -5 "$WORK/diff")"
measured "builders=2"
finish
