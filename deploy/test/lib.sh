# What the scripts of this folder share: a Docker engine of their own, images made from Debian packages, a result line.
# Sourced by bash scripts (`. "$(dirname "$0")/lib.sh"`) that run as root on Debian 12 or newer; docs/deployment.md says more.
#
#   begin NAME           first: names the test, arranges for everything to be taken away at the end
#   engine               starts the engine; `docker` and `compose` speak to it from then on
#   server_images        Postgres, Redis, Mosquitto and HAProxy from Debian packages, named to docker-compose.yml; and those named
#   product_images       our own: cloud, edge-controller, simulator ($CLOUD_IMAGE, $EDGE_CONTROLLER_IMAGE, $SIMULATOR_IMAGE)
#   ready NAME           whether a service under compose is; `health` tells what it says, `all_ready` waits for all of them
#   receiver_image       what takes alerts, traces and lines of logs; `received EXPRESSION` asks it
#   prepared             installs and builds this checkout, for what runs from it
#   product_test FILE... runs files of `npm test`
#   in_engine CMD...     runs a program of this machine in the engine's network, where published ports are
#   job CMD...           the same in the background: $JOB is its process id; whatever happens, it ends with the test
#   measured KEY=VALUE   notes what was measured
#   finish               last: prints `RESULT NAME ok KEY=VALUE ...`
#   fail TEXT            says why and ends; the last lines are then why, and `RESULT NAME failed`, as after any command that fails
#
# The engine lives in namespaces of its own (network, processes, mounts): no chain, bridge, port or mount of this machine is
# touched, and when its first process ends all of it is gone, also after a kill -9 of the script. Images and packages are kept in
# SWITCHYARD_TEST_CACHE (/var/cache/switchyard-test; `rm -r` it to be rid of them); one engine at a time uses that cache. A second
# one, at the same time, takes SWITCHYARD_TEST_ENGINE, another folder for its images.
set -eEuo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
CACHE="${SWITCHYARD_TEST_CACHE:-/var/cache/switchyard-test}"
ENGINE_DATA="${SWITCHYARD_TEST_ENGINE:-$CACHE/engine}"
# As in the Dockerfile; npm's packages of Node bring the same program that the public image has.
NODE_VERSION=24.9.0
NPM_VERSION=11.21.2
BASE_IMAGE=switchyard-test/debian:bookworm
NODE_IMAGE="switchyard-test/node:$NODE_VERSION"

# On a machine that does much else at the same time every wait may take so many times longer.
PATIENCE="${SWITCHYARD_TEST_PATIENCE:-1}"

TEST_NAME="" WHY="" WORK="" UNSHARE_PID="" ENGINE_PID="" SLIRP_PID="" MEASURED="" JOB="" JOBS=()

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

fail() {
  WHY="$*"
  printf '%s\n' "$*" >&2
  [ -z "${COMPOSE_PROJECT_NAME:-}" ] || tell_containers >&2 || true
  exit 1
}

measured() { MEASURED="$MEASURED $*"; }

finish() { printf 'RESULT %s ok%s\n' "$TEST_NAME" "$MEASURED"; }

begin() {
  TEST_NAME="$1"
  trap 'leave $?' EXIT
  trap 'WHY="line $LINENO of ${BASH_SOURCE[0]##*/}: $BASH_COMMAND"' ERR
  trap 'exit 130' INT TERM HUP
  [ "$(id -u)" = 0 ] || fail "as root, please: an engine needs namespaces and mounts"
  # As package.json has it.
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null \
    || fail "Node 20.19 or newer is needed: $(node --version 2>/dev/null || echo there is none) here"
  WORK="$(mktemp -d "/tmp/switchyard-test-$1.XXXXXX")"
  mkdir -p "$CACHE" "$ENGINE_DATA"
}

# Ends what this script started, by process id, and removes what it made outside of the cache.
leave() {
  local code="$1"
  trap - EXIT ERR
  # Once more, after all that the containers told: the end is what is kept of a long output.
  [ "$code" = 0 ] || printf '%s\nRESULT %s failed\n' "${WHY:0:2000}" "$TEST_NAME"
  set +e
  [ "${#JOBS[@]}" = 0 ] || kill "${JOBS[@]}" 2>/dev/null
  if [ -n "$ENGINE_PID" ]; then
    docker swarm leave --force >/dev/null 2>&1
    remove_containers
    kill -TERM "$ENGINE_PID" 2>/dev/null
    gone "$ENGINE_PID" 20
  fi
  # With it ends whatever is left in its namespaces.
  [ -z "$UNSHARE_PID" ] || kill -KILL "$UNSHARE_PID" 2>/dev/null
  [ -z "$SLIRP_PID" ] || kill "$SLIRP_PID" 2>/dev/null
  wait 2>/dev/null
  # Groups of processes that were not removed with their containers.
  find /sys/fs/cgroup -depth -type d -path "*/$(cgroup_name)*" -exec rmdir {} + 2>/dev/null
  [ -z "$WORK" ] || rm -rf --one-file-system "$WORK"
  exit "$code"
}

cgroup_name() { printf 'switchyard-test-%s' "$$"; }

# Waits until a process has ended, at most N seconds.
gone() {
  local left=$(($2 * 10))
  while kill -0 "$1" 2>/dev/null; do
    [ "$left" -gt 0 ] || return 1
    left=$((left - 1))
    sleep 0.1
  done
}

# until_true SECONDS WHAT CMD...: fails the test when CMD does not succeed in time.
until_true() {
  local seconds=$(($1 * PATIENCE)) what="$2" until
  shift 2
  until=$(($(date +%s) + seconds))
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$until" ] || fail "waited ${seconds} s in vain for $what"
    sleep 0.2
  done
}

# --- programs

# needs PROGRAM=PACKAGE...: installs the packages whose program is missing.
needs() {
  local pair missing=()
  for pair in "$@"; do command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}"); done
  [ "${#missing[@]}" = 0 ] && return
  say "installing ${missing[*]}"
  apt_update
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "${missing[@]}" >"$WORK/apt.log" 2>&1 \
    || { tail -20 "$WORK/apt.log" >&2; fail "apt-get could not install ${missing[*]}"; }
}

APT_UPDATED=""
apt_update() {
  [ -n "$APT_UPDATED" ] || apt-get update -q >"$WORK/apt-update.log" 2>&1 || fail "apt-get update failed: $(tail -3 "$WORK/apt-update.log")"
  APT_UPDATED=yes
}

# The engine's programs, unpacked into the cache and not installed: a service of the machine's own shall not start.
engine_programs() {
  local to="$CACHE/programs"
  if [ ! -x "$to/usr/sbin/dockerd" ]; then
    say "fetching the Docker engine"
    apt_update
    rm -rf "$to.new" && mkdir -p "$to.new" "$WORK/debs"
    (cd "$WORK/debs" && apt-get download docker.io containerd runc tini >apt.log 2>&1) || fail "apt-get download: $(tail -3 "$WORK/debs/apt.log")"
    local deb
    for deb in "$WORK"/debs/*.deb; do dpkg -x "$deb" "$to.new"; done
    rm -rf "$to" && mv "$to.new" "$to"
  fi
  PATH="$to/usr/bin:$to/usr/sbin:$PATH"
}

# --- this checkout, without containers

# Installs and builds what `npm start` would.
prepared() { (cd "$ROOT" && node --input-type=module -e 'process.exitCode = (await (await import("./launcher/prepare.mjs")).prepare()) ? 0 : 1') >"$WORK/prepare.log" 2>&1 || fail "$(tail -20 "$WORK/prepare.log")"; }

# product_test FILE...: these files of `npm test`, which all must pass.
product_test() {
  say "npm test -- $*"
  local last
  (cd "$ROOT" && npm test -- "$@") >"$WORK/test.log" 2>&1 || fail "$(tail -60 "$WORK/test.log")"
  last="$(tail -1 "$WORK/test.log")"
  [[ "$last" =~ ^([0-9]+)\ passed,\ 0\ failed ]] && [ "${BASH_REMATCH[1]}" -gt $# ] || fail "the last line is: $last"
  measured "passed=${BASH_REMATCH[1]}"
}

# --- the engine

engine() {
  needs iptables=iptables slirp4netns=slirp4netns unshare=util-linux nsenter=util-linux ip=iproute2 curl=curl docker-compose=docker-compose
  engine_programs
  exec 8>"$ENGINE_DATA.lock"
  flock -n 8 || { say "another engine uses $ENGINE_DATA; waiting for it"; flock 8; }
  # On a machine with much to do an answer of the engine may take longer than the minute that compose allows it.
  export COMPOSE_HTTP_TIMEOUT=300
  # A swarm of a test that was killed.
  rm -rf "$ENGINE_DATA/swarm"
  export DOCKER_HOST="unix://$WORK/docker.sock" DOCKER_BUILDKIT="${DOCKER_BUILDKIT:-0}" COMPOSE_DOCKER_CLI_BUILD=1
  # Containers of a run that was killed would be started again before the engine answers.
  rm -rf --one-file-system "${ENGINE_DATA:?}/containers"
  mkfifo "$WORK/net-ready"
  # tini is the first process of the namespace: it reaps what containers leave, and with it all of them end.
  # And it ends with this script, however that ends.
  setpriv --pdeathsig KILL unshare --net --mount --pid --fork --mount-proc --propagation private --kill-child \
    tini -- sh -c 'ip link set lo up; read -r _ <"$1/net-ready"; shift; exec "$@"' - "$WORK" \
    dockerd -H "$DOCKER_HOST" --data-root "$ENGINE_DATA" --exec-root "$WORK/exec" --pidfile "$WORK/dockerd.pid" \
    --cgroup-parent "/$(cgroup_name)" --default-ulimit nofile=20000:20000 --dns 10.0.2.3 --mtu 1400 --log-level warn \
    >"$WORK/dockerd.log" 2>&1 8>&- &
  UNSHARE_PID=$!
  local inner=""
  # Its child may be a passing one, which only sets up the namespaces, or not be tini yet.
  while [ -z "$inner" ]; do
    kill -0 "$UNSHARE_PID" 2>/dev/null || fail "no namespaces for an engine: $(cat "$WORK/dockerd.log")"
    for inner in $(cat "/proc/$UNSHARE_PID/task/$UNSHARE_PID/children" 2>/dev/null) ""; do
      [ "$(cat "/proc/$inner/comm" 2>/dev/null)" != tini ] || break
    done
    sleep 0.05
  done
  ENGINE_PID="$inner"
  slirp4netns --configure --mtu=1400 --disable-host-loopback "$inner" tap0 >"$WORK/slirp.log" 2>&1 8>&- &
  SLIRP_PID=$!
  until_true 10 "the engine's way to the network ($WORK/slirp.log)" nsenter -t "$inner" -n ip route get 10.0.2.2
  echo go >"$WORK/net-ready"
  until_true 60 "the Docker engine ($(tail -1 "$WORK/dockerd.log"))" docker version
  # And its volumes: secrets in them are not those of this one.
  remove_containers || true
}

remove_containers() {
  docker ps -aq 2>/dev/null | xargs -r docker rm -fv >/dev/null 2>&1
  docker volume ls -q 2>/dev/null | xargs -r docker volume rm -f >/dev/null 2>&1
  docker network prune -f >/dev/null 2>&1
}

in_engine() { nsenter -t "$ENGINE_PID" -n -- "$@"; }
# nsenter becomes the program; a shell between them would take the signals and leave it running.
job() {
  nsenter -t "$ENGINE_PID" -n -- "$@" &
  JOB=$!
  JOBS+=("$JOB")
}
# The images' own Node, which runs TypeScript as it stands. Without a Node of the machine there is none, which `begin` says.
NODE24="$CACHE/node-$NODE_VERSION/node_modules/node-linux-$(node -p process.arch 2>/dev/null || true)/bin/node"
node24() { in_engine "$NODE24" "$@"; }

# --- images

# The base: Debian as small as mmdebstrap makes it. Made anew when it is older than a month.
base_image() {
  local tar="$CACHE/debian.tar"
  if [ -z "$(find "$tar" -mtime -30 2>/dev/null)" ]; then
    needs mmdebstrap=mmdebstrap
    say "making a base image of Debian (about 2 minutes)"
    mmdebstrap --format=tar --mode=root --variant=minbase --include=ca-certificates,tini \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
      bookworm "$tar.new" >"$WORK/mmdebstrap.log" 2>&1 || { tail -5 "$WORK/mmdebstrap.log" >&2; fail "mmdebstrap failed"; }
    mv "$tar.new" "$tar"
    docker import "$tar" "$BASE_IMAGE" >/dev/null
  elif ! docker image inspect "$BASE_IMAGE" >/dev/null 2>&1; then
    docker import "$tar" "$BASE_IMAGE" >/dev/null
  fi
}

# What node:*-bookworm-slim is where there is a registry. It trusts what this machine trusts, for networks with a CA of their own.
node_image() {
  local modules="$CACHE/node-$NODE_VERSION/node_modules" platform
  platform="node-linux-$(node -p process.arch)"
  base_image
  if [ ! -x "$modules/$platform/bin/node" ]; then
    say "fetching Node $NODE_VERSION"
    npm install --no-save --no-audit --no-fund --prefix "$CACHE/node-$NODE_VERSION" "$platform@$NODE_VERSION" "npm@$NPM_VERSION" >"$WORK/npm.log" 2>&1 \
      || { tail -5 "$WORK/npm.log" >&2; fail "Node $NODE_VERSION could not be fetched"; }
  fi
  docker image inspect "$NODE_IMAGE" >/dev/null 2>&1 && return
  local context="$WORK/node-image"
  mkdir -p "$context"
  cp "$ROOT/deploy/test/images/node/Dockerfile" "$modules/$platform/bin/node" /etc/ssl/certs/ca-certificates.crt "$context"
  cp -r "$modules/npm" "$context"
  docker build -q --build-arg "BASE_IMAGE=$BASE_IMAGE" -t "$NODE_IMAGE" "$context" >/dev/null
  rm -rf "$context"
}

# The servers' images, for docker-compose.yml and the stack: with the public images' names for volumes, users and variables.
server_images() {
  base_image
  local name
  for name in postgres redis mosquitto haproxy "$@"; do
    build_image "switchyard-test/$name" "$ROOT/deploy/test/images/$name" --build-arg "BASE_IMAGE=$BASE_IMAGE"
    export "${name^^}_IMAGE=switchyard-test/$name"
  done
}

# What takes alerts, traces and lines of logs in a test ($RECEIVER_IMAGE); `received EXPRESSION` reads it (`it`) once its port 16686 is published.
receiver_image() {
  node_image
  build_image switchyard-test/receiver "$ROOT/deploy/test/images/receiver" --build-arg "NODE_IMAGE=$NODE_IMAGE"
  export RECEIVER_IMAGE=switchyard-test/receiver
}

received() { in_engine curl -sS --max-time 10 http://127.0.0.1:16686/ | json "$1"; }

# Builds ours; $BUILD_ID is told in /health.
product_images() {
  node_image
  export BUILD_ID="${BUILD_ID:-$(git -C "$ROOT" rev-parse --short=12 HEAD 2>/dev/null || echo development)}"
  local target
  for target in ${*:-cloud edge-controller simulator}; do
    build_image "switchyard-test/$target" "$ROOT" --target "$target" --build-arg "BUILD_ID=$BUILD_ID" \
      --build-arg "NODE_IMAGE=$NODE_IMAGE" --build-arg "BASE_IMAGE=$BASE_IMAGE"
    target="${target^^}"
    export "${target//-/_}_IMAGE=switchyard-test/${target,,}"
  done
}

build_image() {
  local tag="$1" context="$2" started
  shift 2
  started="$(date +%s)"
  nice -n 5 docker build "$@" -t "$tag" "$context" >"$WORK/build.log" 2>&1 || { tail -25 "$WORK/build.log" >&2; fail "$tag does not build"; }
  say "$tag ($(($(date +%s) - started)) s)"
}

# --- compose

# Where each service is published.
declare -A PORTS=([api-gateway]=3000 [station-service]=3001 [driver-service]=3002 [billing-service]=3003
  [monitoring-service]=3004 [ocpp-gateway]=4000 [site-gateway]=4001)
health() { in_engine curl -sS --max-time 5 "http://127.0.0.1:${PORTS[$1]}/health"; }
ready() { in_engine curl -sSf --max-time 5 "http://127.0.0.1:${PORTS[$1]}/ready"; }
all_ready() {
  local name
  for name in "${!PORTS[@]}"; do until_true 180 "$name to be ready" ready "$name"; done
}
# shared_by N NAME: whether as many replicas answer on its one port.
shared_by() { [ "$(for _ in $(seq 1 30); do health "$2" | json it.instance; done | sort -u | wc -l)" = "$1" ]; }

# container SERVICE [N]: id of its first container, or its Nth. Asked of the engine itself: compose takes a second for it.
container() {
  docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --filter "label=com.docker.compose.service=$1" \
    --filter "label=com.docker.compose.container-number=${2:-1}" --filter label=com.docker.compose.oneoff=False
}
now() { date +%s%3N; }

# compose_project NAME [ENV_FILE]: secrets of its own, ports on loopback of the engine's network. Then `compose up -d`.
compose_project() {
  export COMPOSE_PROJECT_NAME="$1" SECRETS_DIR="$WORK/secrets"
  COMPOSE_ENV_FILE="${2:-$ROOT/.env.development}"
  "$ROOT/deploy/compose/make-secrets.sh" "$SECRETS_DIR" >/dev/null
}

compose() { (cd "$ROOT" && docker-compose --env-file "$COMPOSE_ENV_FILE" "$@"); }

# What a failed test wants to be known of its containers.
tell_containers() {
  compose ps
  compose logs --no-color --tail=15 2>/dev/null | tail -120
}

secret() { cat "$SECRETS_DIR/$1"; }

# api METHOD PATH [JSON]: asks the public API as an operator's program would.
api() {
  local method="$1" path="$2"
  in_engine curl -sS --max-time 15 --fail-with-body -X "$method" "http://127.0.0.1:3000/api/v1$path" \
    -H "Authorization: Bearer $(secret api_key)" ${3:+-H 'Content-Type: application/json' -d "$3"}
}

# json EXPRESSION: evaluates it over what comes in, as `it`.
json() { node -e 'const it = JSON.parse(require("fs").readFileSync(0, "utf8")); const out = eval(process.argv[1]); console.log(typeof out === "string" ? out : JSON.stringify(out))' "$1"; }
