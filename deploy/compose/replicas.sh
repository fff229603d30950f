# What upgrade.sh and bluegreen.sh share: replicas of a service under compose, and their places in HAProxy. Sourced by bash scripts.
#
#   compose ARGS...               the compose plugin, or docker-compose; with the file of variables that --env-file names
#   running_deployment            first: finds what runs
#   replicas SERVICE              ids of its containers that run
#   start_replicas SERVICE N      as many more, of $CLOUD_IMAGE; prints their ids once they are ready and HAProxy knows them
#   proxy COMMAND                 HAProxy's runtime interface
#   slot_of SERVICE ID            which of HAProxy's servers a container is
#   drained SERVICE ID            takes it from HAProxy, waits for what is under way, stops and removes it
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

# In the order of an upgrade: who asks comes after who is asked.
SERVICES=(station-service driver-service billing-service monitoring-service site-gateway ocpp-gateway api-gateway)
# How long a new replica may take until it is ready.
HEALTHY_S="${HEALTHY_S:-120}"
# How long requests that are under way are waited for before a replica is told to stop; streams and sockets end with the stop.
DRAIN_S="${DRAIN_S:-5}"
# Longer than SHUTDOWN_DEADLINE_MS.
STOP_S=25
# HAProxy forgets an address that DNS does not name any more after five seconds (`hold obsolete`).
FORGET_S=30

ENV_FILE="${ENV_FILE:-$ROOT/.env.production}"

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }
wrong() { printf '%s\n' "$*" >&2; exit 2; }

if docker compose version >/dev/null 2>&1; then COMPOSE=(docker compose); else COMPOSE=(docker-compose); fi
compose() { (cd "$ROOT" && "${COMPOSE[@]}" --env-file "$ENV_FILE" "$@"); }

# tries SECONDS CMD...: whether it succeeds in time.
tries() {
  local until=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ "$(date +%s)" -lt "$until" ] || return 1
    sleep 0.2
  done
}

# The deployment that runs, known by its HAProxy: asked once, as compose takes a second for each question.
PROXY="" PROJECT=""
running_deployment() {
  PROXY="$(compose ps -q haproxy)"
  [ -n "$PROXY" ] || wrong "no HAProxy runs under $(basename "$ENV_FILE"): this changes what runs"
  PROJECT="$(docker inspect -f '{{index .Config.Labels "com.docker.compose.project"}}' "$PROXY")"
}

# With more flags of `docker ps` (-a: also those that have ended); never those of `compose run`.
replicas() {
  docker ps -q --no-trunc ${2:-} --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1" \
    --filter label=com.docker.compose.oneoff=False
}
image_of() { docker inspect -f '{{.Image}}' "$1"; }

# The address at which HAProxy meets it: the network that both are on.
address_of() {
  local network
  network="$(docker inspect -f '{{range $name, $it := .NetworkSettings.Networks}}{{$name}} {{end}}' "$PROXY")"
  docker inspect -f "{{with index .NetworkSettings.Networks \"${network%% *}\"}}{{.IPAddress}}{{end}}" "$1"
}

proxy() {
  docker exec "$PROXY" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8406 && printf "%s\n" "$1" >&3 && cat <&3' - "$*"
}
# slots [SERVICE]: of one or of all, name, address, state (2: serves) and who took it out (1: maintenance, 8: drained, 32: not in DNS; together a sum).
slots() { proxy "show servers state${1:+ $1}" | awk 'NF > 8 && $1 != "#" { print $4, $5, $6, $7 }'; }
slot_of() {
  local address
  address="$(address_of "$2")"
  [ -n "$address" ] && slots "$1" | awk -v address="$address" '$2 == address { print $1; exit }' | grep .
}
# under_way SERVICE SLOT: requests and sockets that it holds.
under_way() { proxy "show stat" | awk -F, -v it="$1" -v slot="$2" '$1 == it && $2 == slot { print $5 }'; }
serves() { slots "$1" | awk -v slot="$2" '$1 == slot && $3 == 2 && $4 % 32 == 0 { found = 1 } END { exit !found }'; }
held() { slots "$1" | awk -v slot="$2" '$1 == slot && $4 % 2 { found = 1 } END { exit !found }'; }
idle() { [ "$(under_way "$1" "$2")" = 0 ]; }
# Its place may have another replica's address by then.
forgotten() { slots "$1" | awk -v slot="$2" -v address="$3" '$1 == slot && ($4 >= 32 || $2 != address) { found = 1 } END { exit !found }'; }

ended() { [ "$(docker inspect -f '{{.State.Running}} {{.RestartCount}}' "$1" 2>/dev/null)" != 'true 0' ]; }
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$1" 2>/dev/null)" = healthy ]; }
port_of() { sed -n "/^listen $1\$/,/bind/s/.*bind ://p" "$ROOT/deploy/compose/haproxy.cfg"; }
answers() {
  docker exec "$PROXY" bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET /ready HTTP/1.1\r\nHost: replica\r\nConnection: close\r\n\r\n" >&3 && read -r -t 5 _ code _ <&3 && [ "$code" = 200 ]' - "$(address_of "$2")" "$(port_of "$1")" 2>/dev/null
}
# It says so itself, and HAProxy sees it or holds it apart. HAProxy alone takes whoever has come into DNS for ready until it has asked.
ready() {
  local slot
  answers "$1" "$2" && slot="$(slot_of "$1" "$2")" && { serves "$1" "$slot" || held "$1" "$slot"; }
}
# Ready, or ended before it was: then there is no use in waiting.
settled() { ended "$2" || ready "$1" "$2"; }

start_replicas() {
  local service="$1" count="$2" before after id
  # Of a change that was cut off in the middle of a stop: compose would start those again, and make none of the new image.
  replicas "$service" '-a --filter status=exited' | xargs -r docker rm >/dev/null
  before="$(replicas "$service" -a)"
  compose up -d --no-deps --no-recreate --scale "$service=$(($(replicas "$service" | grep -c . || true) + count))" "$service" >/dev/null 2>&1 \
    || { echo "compose does not start $service" >&2; return 1; }
  after="$(replicas "$service" -a | grep -vxF -- "${before:-none}" || true)"
  [ "$(grep -c . <<<"$after" || true)" = "$count" ] || { echo "compose has not made $count more of $service" >&2; return 1; }
  for id in $after; do
    if ! tries "$HEALTHY_S" settled "$service" "$id" || ! ready "$service" "$id"; then
      docker logs --tail 15 "$id" >&2
      docker rm -f $after >/dev/null
      echo "a new replica of $service is not ready; it is removed" >&2
      return 1
    fi
  done
  printf '%s\n' $after
}

# The same for a replica that HAProxy does not know (any more).
drained() {
  local service="$1" id="$2" slot address
  slot="$(slot_of "$service" "$id" || true)"
  address="$(address_of "$id")"
  if [ -n "$slot" ]; then
    proxy "set server $service/$slot state drain" >/dev/null
    tries "$DRAIN_S" idle "$service" "$slot" || true
  fi
  docker stop -t "$STOP_S" "$id" >/dev/null
  docker rm -f "$id" >/dev/null
  [ -n "$slot" ] || return 0
  # Before that the next replica might get the same address, and be taken for the one that is drained.
  tries "$FORGET_S" forgotten "$service" "$slot" "$address" || { echo "HAProxy still holds $service/$slot" >&2; return 1; }
  proxy "set server $service/$slot state ready" >/dev/null
}

# Images are compared as what they are, since names move.
wanted_image() { docker image inspect -f '{{.Id}}' "$1"; }
fetched() { docker image inspect "$1" >/dev/null 2>&1 || docker pull -q "$1" >/dev/null || wrong "$1: there is no such image"; }

# What the next `up` is to run stands in the file of variables.
remember_image() {
  if grep -q '^CLOUD_IMAGE=' "$ENV_FILE"; then sed -i "s|^CLOUD_IMAGE=.*|CLOUD_IMAGE=$1|" "$ENV_FILE"; else echo "CLOUD_IMAGE=$1" >>"$ENV_FILE"; fi
  say "$(basename "$ENV_FILE") names $1"
}

migrated() {
  say "migrations of $1"
  CLOUD_IMAGE="$1" compose run --rm --no-deps -T migrate </dev/null >/dev/null || { echo "the migration failed; what runs goes on" >&2; return 1; }
}
