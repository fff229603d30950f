#!/bin/bash
# Another version beside the one that runs, tried before anybody meets it, and changed to in one moment at HAProxy; back in one too.
#
#   deploy/compose/bluegreen.sh [--env-file FILE] start IMAGE    as many new replicas as there are, kept apart, and a smoke test of them
#   deploy/compose/bluegreen.sh [--env-file FILE] switch         the ones that stood apart serve, the others stand apart; again: back
#   deploy/compose/bluegreen.sh [--env-file FILE] finish         those that stand apart are stopped and removed
#
# Requests and new sockets change over at once; sockets that are open stay where they are until `finish`. Consumers of both versions
# share the event log from `start` on, as in every upgrade (migrations only add). For as long, there are twice as many connections.
. "$(dirname "$0")/replicas.sh"

[ "${1:-}" != --env-file ] || { ENV_FILE="$(realpath "${2:?a file}")"; shift 2; }

scratch="$(mktemp)"
SMOKE_ID=""
# A smoke test that was cut off leaves nothing behind.
trap 'rm -f "$scratch"; [ -z "$SMOKE_ID" ] || docker rm -f "$SMOKE_ID" >/dev/null 2>&1 || true' EXIT
trap 'exit 130' INT TERM HUP

# Service, slot, id, and whether it stands apart (yes, no), of every replica that HAProxy knows. All of them in three questions: a switch is in a hurry.
places() {
  local network
  network="$(docker inspect -f '{{range $name, $it := .NetworkSettings.Networks}}{{$name}} {{end}}' "$PROXY")"
  proxy "show servers state" >"$scratch"
  docker ps -q --no-trunc --filter "label=com.docker.compose.project=$PROJECT" --filter label=com.docker.compose.oneoff=False \
    | xargs docker inspect -f "{{index .Config.Labels \"com.docker.compose.service\"}} {{.Id}} {{with index .NetworkSettings.Networks \"${network%% *}\"}}{{.IPAddress}}{{end}}" \
    | awk 'NR == FNR { if (NF > 8 && $1 != "#") { slot[$2, $5] = $4; out[$2, $5] = $7 % 2 ? "yes" : "no" } next } ($1, $3) in slot { print $1, slot[$1, $3], $2, out[$1, $3] }' "$scratch" -
}
# apart SERVICE yes|no: ids of the replicas that HAProxy holds back, or of those that serve.
apart() { places | awk -v it="$1" -v apart="$2" '$1 == it && $4 == apart { print $3 }'; }

# Those that stand apart are asked as a whole: by an api-gateway of their version which knows no other services.
smoke() {
  local service id url variables=() urls=()
  for service in "${SERVICES[@]}"; do
    local name="${service^^}"
    url=""
    for id in $(apart "$service" yes); do
      url="http://$(address_of "$id"):$(port_of "$service")"
      urls+=("$url")
    done
    [ -n "$url" ] || { echo "no replica of $service stands apart" >&2; return 1; }
    variables+=(-e "${name//-/_}_URL=$url")
  done
  SMOKE_ID="$(compose run -d --no-deps -T "${variables[@]}" api-gateway </dev/null 2>/dev/null | tail -1)"
  tries "$HEALTHY_S" healthy "$SMOKE_ID" && docker exec -i "$SMOKE_ID" node --input-type=module - "${urls[@]}" <"$ROOT/deploy/compose/smoke.mjs" && local ok=yes
  docker rm -f "$SMOKE_ID" >/dev/null
  SMOKE_ID=""
  [ "${ok:-}" = yes ]
}

start() {
  local service slot count
  fetched "$1"
  export CLOUD_IMAGE="$1"
  migrated "$1" || exit 1
  for service in "${SERVICES[@]}"; do
    [ -z "$(apart "$service" yes)" ] || wrong "replicas of $service stand apart already: switch, or finish"
    # Every free place is closed before somebody takes it.
    slots "$service" | awk '$2 == "-" || $4 >= 32 { print $1 }' | while read -r slot; do proxy "set server $service/$slot state maint" >/dev/null </dev/null; done
    count="$(replicas "$service" | grep -c . || true)"
    if ! start_replicas "$service" "$count" >/dev/null; then finish; exit 1; fi
    say "$service: $count stand apart"
  done
  say "smoke test"
  if ! smoke; then
    echo "the new version does not do what it should; it is removed" >&2
    finish
    exit 1
  fi
  say "ready: $0 --env-file $ENV_FILE switch"
}

# One line to HAProxy, so that there is no moment with neither.
switch() {
  local seen service
  seen="$(places)"
  for service in "${SERVICES[@]}"; do
    grep "^$service .* yes\$" <<<"$seen" >/dev/null || wrong "no replica of $service stands apart: start first"
  done
  proxy "$(for it in yes/ready no/maint; do awk -v apart="${it%/*}" -v state="${it#*/}" '$4 == apart { printf "set server %s/%s state %s; ", $1, $2, state }' <<<"$seen"; done)" >/dev/null
  say "switched"
  remember_image "$(docker inspect -f '{{.Config.Image}}' "$(awk '$1 == "api-gateway" && $4 == "yes" { print $3; exit }' <<<"$seen")")"
}

finish() {
  local service id slot address
  for service in "${SERVICES[@]}"; do
    for id in $(apart "$service" yes); do docker stop -t "$STOP_S" "$id" >/dev/null && docker rm -f "$id" >/dev/null; done
  done
  # Every place is open again once it has lost its address: nobody stands apart any more.
  for service in "${SERVICES[@]}"; do
    slots "$service" | awk '$4 % 2 { print $1, $2 }' >"$scratch"
    while read -r slot address <&3; do
      [ "$address" = - ] || tries "$FORGET_S" forgotten "$service" "$slot" "$address" || { echo "HAProxy still holds $service/$slot" >&2; exit 1; }
      proxy "set server $service/$slot state ready" >/dev/null </dev/null
    done 3<"$scratch"
  done
}

case "${1:-} $#" in
  'start 2' | 'switch 1' | 'finish 1') running_deployment ;;
esac
case "${1:-} $#" in
  'start 2') start "$2" ;;
  'switch 1' | 'finish 1') "$1" ;;
  *) wrong "$(sed -n '4,6s/^# *//p' "$0")" ;;
esac
