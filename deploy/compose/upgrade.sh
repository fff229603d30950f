#!/bin/bash
# Rolls the services of a deployment with compose over to another image, a replica at a time: the new one is ready before an old
# one goes, which HAProxy has drained by then. No request is lost; sockets of stations come back at once, to another replica.
#
#   deploy/compose/upgrade.sh [--env-file FILE] IMAGE [SERVICE...]     FILE: .env.production; without names all seven
#
# Going back is the same with the earlier image: migrations only add, so it runs on the newer schema. When a new replica is not
# ready, what was rolled is rolled back, and this ends with 1. While it runs there is one replica more: let the budget of
# connections (POSTGRES_MAX_CONNECTIONS) have room for it.
. "$(dirname "$0")/replicas.sh"

[ "${1:-}" != --env-file ] || { ENV_FILE="$(realpath "${2:?a file}")"; shift 2; }
image="${1:-}"
[ -n "$image" ] || wrong "which image? $(sed -n '5s/^# *//p' "$0")"
shift
chosen=("$@")
[ "${#chosen[@]}" -gt 0 ] || chosen=("${SERVICES[@]}")
for service in "${chosen[@]}"; do [[ " ${SERVICES[*]} " == *" $service "* ]] || wrong "$service: there is no such service"; done
fetched "$image"
running_deployment
# A new replica would come up where nobody meets it.
! slots | awk '$4 % 2 { apart = 1 } END { exit !apart }' \
  || wrong "replicas stand apart at HAProxy, of a blue-green change that is under way or was cut off: bluegreen.sh finish first"

# roll SERVICE IMAGE: nothing to do for replicas that run it already.
roll() {
  local service="$1" wanted id
  wanted="$(wanted_image "$2")"
  export CLOUD_IMAGE="$2"
  for id in $(replicas "$service"); do
    [ "$(image_of "$id")" != "$wanted" ] || continue
    start_replicas "$service" 1 >/dev/null || return 1
    drained "$service" "$id" || return 1
    say "$service: a replica has changed"
  done
}

first="$(replicas "${chosen[0]}" | head -1)"
[ -n "$first" ] || wrong "no replica of ${chosen[0]} runs under $(basename "$ENV_FILE"); an upgrade is of what runs"
previous="$(docker inspect -f '{{.Config.Image}}' "$first")"
# Where its name means another image by now, the image itself.
[ "$(wanted_image "$previous" 2>/dev/null)" = "$(image_of "$first")" ] || previous="$(image_of "$first")"

started="$(date +%s)"
migrated "$image"
# What an upgrade that was broken off has left.
for service in "${chosen[@]}"; do
  for slot in $(slots "$service" | awk '$4 % 16 >= 8 { print $1 }'); do proxy "set server $service/$slot state ready" >/dev/null; done
done
touched=()
for service in "${chosen[@]}"; do
  touched=("$service" "${touched[@]}")
  roll "$service" "$image" && continue
  say "back to $previous"
  for one in "${touched[@]}"; do
    roll "$one" "$previous" || { echo "$one does not come back to $previous either: look at it" >&2; exit 3; }
  done
  echo "the upgrade failed; $previous runs as before" >&2
  exit 1
done
remember_image "$image"
say "upgraded in $(($(date +%s) - started)) s; back: $0 --env-file $ENV_FILE $previous"
