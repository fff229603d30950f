# A system under compose with sessions that run and requests that come, for scripts which change something below it. Sourced after lib.sh.
#
#   busy_system          up under compose (project switchyard-test, unless there is one), the simulated site, three direct stations, all of them charging
#   direct_stations [NETWORK URL]   the direct ones alone, where there is no compose; `direct_billed` ends those
#   two_builds           an engine and images; the cloud's is switchyard-test/cloud:one ($CLOUD_IMAGE), of the build $before, and beside it `two`
#   variant NAME LINES   the cloud's image with these lines of a Dockerfile, as switchyard-test/cloud:NAME
#   builds               every build that answers on one of the ports
#   begin_requests [PORTS]  reads and writes through HAProxy, until
#   end_requests         which fails the test when one of them failed; measures `requests` and `failed`
#   sockets_back FROM [NAME_]   measures how long the direct stations were away since FROM (seconds of the clock), each and at most
#   all_billed           ends the simulation; every session that a station has in its ledger has one CDR with its energy, and there is no other

STATIONS=3
SIMULATION_SPEED="${SIMULATION_SPEED:-100}"
export SIMULATION_SPEED

# The same program as another build: what is upgraded here is the deployment.
variant() { printf 'FROM %s\n%s\n' "$CLOUD_IMAGE" "$2" | docker build -q -t "switchyard-test/cloud:$1" - >/dev/null; }

two_builds() {
  engine
  server_images
  product_images
  before="$BUILD_ID"
  docker tag "$CLOUD_IMAGE" switchyard-test/cloud:one
  export CLOUD_IMAGE=switchyard-test/cloud:one
  variant two "ENV BUILD_ID=$before-two"
}

builds() { for _ in 1 2 3 4; do for name in "${!PORTS[@]}"; do health "$name" | json it.build; done; done | sort -u | tr '\n' ' '; }

# Upgrades write the image into it.
variables_of_its_own() {
  cp "$ROOT/.env.development" "$WORK/variables"
  echo "$WORK/variables"
}

busy_system() {
  [ -n "${COMPOSE_PROJECT_NAME:-}" ] || compose_project switchyard-test "$(variables_of_its_own)"
  say "up"
  compose up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
  all_ready
  say "simulated stations, at a site and direct ones"
  compose --profile simulation up -d --no-recreate >"$WORK/simulation.log" 2>&1 || fail "simulation: $(tail -20 "$WORK/simulation.log")"
  direct_stations
  until_true 300 "billed sessions of both" both_billed
}

direct_stations() {
  local n station
  local network="${1:-switchyard-test_frontend}" url="${2:-ws://haproxy:4000/ocpp}"
  mkdir -p "$WORK/direct" && chmod 0777 "$WORK/direct"
  echo a-password-of-tests >"$WORK/direct/password"
  for n in $(seq 1 $STATIONS); do
    station="DIRECT-0$n"
    api POST /sites "{\"siteId\": \"direct-$n\", \"connection\": \"direct\"}" >/dev/null
    api POST /stations "{\"stationId\": \"$station\", \"siteId\": \"direct-$n\", \"password\": \"a-password-of-tests\", \"approved\": true}" >/dev/null
  done
  docker run -d --name direct --network "$network" --read-only --tmpfs /tmp -v "$WORK/direct:/direct" "$SIMULATOR_IMAGE" simulators/dist/main.js site \
    --url "$url" --prefix DIRECT --stations $STATIONS --speed "$SIMULATION_SPEED" --password-file /direct/password \
    --state /direct --ledger /direct/ledger.jsonl >/dev/null
}

cdrs() {
  local cursor="" page
  while :; do
    page="$(api GET "/cdrs?limit=200${cursor:+&cursor=$cursor}")"
    json 'it.items.map((it) => JSON.stringify(it)).join("\n")' <<<"$page"
    cursor="$(json 'encodeURIComponent(it.next ?? "")' <<<"$page")"
    [ -n "$cursor" ] || return 0
  done
}
both_billed() { cdrs >"$WORK/cdrs" && grep -q '"DIRECT-' "$WORK/cdrs" && grep -q '"CHARGER-' "$WORK/cdrs"; }

REQUESTS_PID=""
begin_requests() {
  job ${1:+env "PORTS=$1"} node "$ROOT/deploy/test/requests.mjs" "$SECRETS_DIR/api_key" >"$WORK/requests.json" 2>"$WORK/requests.log"
  REQUESTS_PID="$JOB"
  sleep 2
  kill -0 "$REQUESTS_PID" 2>/dev/null || fail "no requests: $(cat "$WORK/requests.log")"
}
end_requests() {
  kill -TERM "$REQUESTS_PID"
  wait "$REQUESTS_PID" || fail "the requests ended badly: $(cat "$WORK/requests.log")"
  local told
  told="$(json '[it.all, it.failed, it.p99Ms, it.maxMs].join(" ")' <"$WORK/requests.json")"
  read -r all failed p99 longest <<<"$told"
  [ "$failed" = 0 ] || fail "$failed of $all requests failed: $(json 'it.failures.join("\n")' <"$WORK/requests.json")"
  [ "$all" -gt 100 ] || fail "only $all requests were made: that shows nothing"
  measured "requests=$all" "failed=$failed" "p99_ms=$p99" "longest_ms=$longest"
}

# told_sockets FROM: how many have gone and come back since, and the longest time away; fails while one is away or none has gone.
told_sockets() {
  docker logs direct 2>&1 | node -e '
    const from = Number(process.argv[1]) * 1000
    const away = new Map(), took = []
    for (const line of require("fs").readFileSync(0, "utf8").split("\n")) {
      const [, at, station, what] = /^(\S+) (DIRECT-\d+) (connected|disconnected)/.exec(line) ?? []
      if (!what || Date.parse(at) < from) continue
      if (what === "disconnected") away.set(station, Date.parse(at))
      else if (away.has(station)) { took.push(Date.parse(at) - away.get(station)); away.delete(station) }
    }
    if (took.length === 0 || away.size > 0) process.exit(1)
    console.log(took.length, Math.max(...took))' "$1"
}
sockets_back() {
  until_true 60 "the sockets of direct stations: $(docker logs --tail 5 direct 2>&1)" told_sockets "$1"
  read -r drops longest <<<"$(told_sockets "$1")"
  measured "${2:-}sockets_moved=$drops" "${2:-}longest_away_ms=$longest"
}

# The ledgers in $WORK/delivered against what was billed.
settled() {
  local told
  told="$(node24 "$ROOT/end-to-end/chaos/settled.ts" --ledger "$WORK/delivered" --api http://127.0.0.1:3000 --key-file "$SECRETS_DIR/api_key" --wait $((180 * PATIENCE)))" || fail "$told"
  measured "$told"
}
direct_end() {
  say "the stations end; everything is billed once"
  docker stop -t 60 direct >/dev/null
  cp "$WORK/direct/ledger.jsonl" "$WORK/delivered"
}
direct_billed() { direct_end; settled; }
all_billed() {
  direct_end
  compose --profile simulation stop -t 60 simulated-stations >/dev/null 2>&1
  docker run --rm -v switchyard-test_stations:/data:ro --entrypoint cat "$SIMULATOR_IMAGE" /data/ledger.jsonl >>"$WORK/delivered"
  settled
}
