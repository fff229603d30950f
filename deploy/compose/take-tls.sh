#!/bin/sh
# Has HAProxy and Mosquitto take the certificate that lies in TLS_DIR, with no request and no connection lost: after make-tls.sh, or when
# files of your own have changed (written into the files that are there: a mount shows those). acme.sh does it by itself.
#
#   [ENV_FILE=.env.production] deploy/compose/take-tls.sh
#
# COMPOSE: the command, where it is neither `docker compose --env-file ENV_FILE` nor docker-compose. What does not run reads it when it starts.
set -eu
cd "$(dirname "$0")/../.."
. deploy/compose/variables.sh
compose_command
# runs SERVICE: whether it does; ends here where compose cannot say.
runs() {
  id="$(compose ps -q "$1")" || exit 1
  if [ -n "$id" ] && [ "$(docker inspect -f '{{.State.Running}}' "$id")" = true ]; then return 0; fi
  echo "$1 does not run here; it reads the certificate when it starts"
  return 1
}

# By signals from within: one of the engine's (`kill`) would keep a container from starting again after a boot. HAProxy, once it has found
# the files to be right, begins anew with what it knew of its servers: addresses, and who stands apart in a blue-green change.
if runs haproxy; then
  compose exec -T haproxy bash -ec '
    files=() next=""
    while IFS= read -r -d "" it; do [ "$next" != -f ] || files+=(-f "$it"); next="$it"; done </proc/1/cmdline
    haproxy -c -q "${files[@]}"
    exec 3<>/dev/tcp/127.0.0.1/8406; printf "show servers state\n" >&3; cat <&3 >/tmp/servers.new; mv /tmp/servers.new /tmp/servers
    kill -USR2 1'
fi
if runs mosquitto; then compose exec -T mosquitto sh -c 'kill -HUP 1'; fi
