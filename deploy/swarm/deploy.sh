#!/bin/bash
# Deploys the stack, or brings it to what stack.yml and the environment say now; the same command upgrades:
#
#   [CLOUD_IMAGE=switchyard/cloud:0.1.0] deploy/swarm/deploy.sh [STACK]        STACK: switchyard
#
# On a manager of the swarm. Secrets are random files of SECRETS_DIR (deploy/secrets), made where they are missing; DATA_NODE is the node
# with the disks of Postgres and Mosquitto (at first this one, from then on the one that it was), and the nodes with the label
# `switchyard.entry=true` (this one, where none has it) have the public ports. Variables are those of docker-compose.yml. TLS:
# COMPOSE_FILES=tls.yml.
#
# An upgrade migrates first and waits for it: when that fails nothing else is touched. A service whose new version does not come up goes
# back by itself; this command then ends with 1 and names it.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
stack="${1:-switchyard}"
image="${CLOUD_IMAGE:-switchyard/cloud:0.1.0}"
MIGRATION_WAIT=1800
ROLLOUT_WAIT="${ROLLOUT_WAIT:-900}"

say() { printf '%s\n' "$*"; }
hash_of() { cat "$@" | sha256sum | cut -c1-12; }

[ "$(docker info --format '{{.Swarm.ControlAvailable}}' 2>/dev/null)" = true ] || { say "this is no manager of a swarm; docker swarm init makes it one" >&2; exit 1; }
# On another node Postgres and Mosquitto would begin with empty disks: they stay where they are, whichever manager this runs on.
postgres="${stack}_postgres" held=""
there="$(docker service ls --filter "name=$postgres" --format '{{.Name}}')"
if grep -qxF "$postgres" <<<"$there"; then
  held="$(docker service inspect "$postgres" --format '{{range .Spec.TaskTemplate.Placement.Constraints}}{{println .}}{{end}}' | sed -n 's/^node\.hostname *== *//p')"
fi
if [ -n "$held" ] && [ "${DATA_NODE:-$held}" != "$held" ]; then
  say "The disks of $stack are on $held, and on $DATA_NODE it would begin with empty ones: nothing was changed. To move them: docker stack rm $stack, carry its volumes over, and this again" >&2
  exit 1
fi
export SECRETS_DIR="${SECRETS_DIR:-$here/../secrets}"
"$here/../compose/make-secrets.sh" "$SECRETS_DIR" >/dev/null
SECRETS_DIR="$(cd "$SECRETS_DIR" && pwd)"
self="$(docker info --format '{{.Swarm.NodeID}}')"
export DATA_NODE="${DATA_NODE:-${held:-$(docker node inspect "$self" --format '{{.Description.Hostname}}')}}"
HAPROXY_HASH="$(hash_of "$here/../compose/haproxy.cfg")"
MOSQUITTO_HASH="$(hash_of "$here"/../brokers/mosquitto/{mosquitto.conf,init.sh} "$here/../compose/mosquitto-start.sh")"
export HAPROXY_HASH MOSQUITTO_HASH
if [[ " ${COMPOSE_FILES:-} " == *" tls.yml "* ]]; then
  TLS_DIR="$(cd "${TLS_DIR:-$SECRETS_DIR/tls}" && pwd)" || { say "TLS_DIR is not there; deploy/compose/make-tls.sh makes certificates for development" >&2; exit 1; }
  TLS_HASH="$(hash_of "$TLS_DIR"/{certificate,key,haproxy}.pem "$here/../compose/haproxy-tls.cfg" "$here/../compose/mosquitto-tls.conf")"
  export TLS_DIR TLS_HASH
fi
if ! docker node ls -q | xargs docker node inspect --format '{{index .Spec.Labels "switchyard.entry"}}' | grep true >/dev/null; then
  docker node update --label-add switchyard.entry=true "$self" >/dev/null
fi

# Every service of the stack with its tasks, as `NAME RUNNING/WANTED`; the migration is none of it.
services() { docker service ls --filter "label=com.docker.stack.namespace=$stack" --format '{{.Name}} {{.Replicas}}'; }

before="$(services)"
if grep -q -- '-\(service\|gateway\) ' <<<"$before"; then
  say "Migration to $image"
  job="${stack}_migrate"
  docker service rm "$job" >/dev/null 2>&1 || true
  docker service create --quiet --detach --name "$job" --mode replicated-job --restart-condition none --no-resolve-image \
    --network "${stack}_backend" --user 10001:10001 --read-only --cap-drop ALL --limit-memory 512M --no-healthcheck \
    --secret "source=${stack}_database_url,target=database_url" --secret "source=${stack}_redis_url,target=redis_url" \
    --secret "source=${stack}_service_key,target=service_key" --env NODE_ENV=production --env DATABASE_URL_FILE=/run/secrets/database_url \
    --env REDIS_URL_FILE=/run/secrets/redis_url --env SERVICE_KEY_FILE=/run/secrets/service_key "$image" migrate deploy >/dev/null
  state=""
  for _ in $(seq "$MIGRATION_WAIT"); do
    state="$(docker service ps "$job" --format '{{.CurrentState}}' | head -1)"
    case "$state" in Complete* | Failed* | Rejected*) break ;; esac
    sleep 1
  done
  case "$state" in
    Complete*) docker service rm "$job" >/dev/null ;;
    *)
      docker service logs --raw --tail 30 "$job" >&2 || true
      say "The migration failed (${state:-no task}); the services were left as they are" >&2
      exit 1 ;;
  esac
fi

files=(-c "$here/stack.yml")
for file in ${COMPOSE_FILES:-}; do files+=(-c "$here/$file"); done
say "Stack $stack"
docker stack deploy "${files[@]}" --resolve-image "${RESOLVE_IMAGE:-always}" "$stack" >/dev/null

# Up is when every service has its tasks, HAProxy, which is the way in, and the servers among them, and no update is under way.
until="$(($(date +%s) + ROLLOUT_WAIT))"
while :; do
  sleep 2
  listed="$(services)"
  [ -n "$listed" ] || { say "$stack has no services" >&2; exit 1; }
  waiting="" back=""
  while read -r name tasks _; do
    update="$(docker service inspect "$name" --format '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}')"
    case "$update" in
      rollback_completed) back="$back ${name#"${stack}_"}" ;;
      '' | completed) [ "${tasks%/*}" -ge "${tasks#*/}" ] && [ "${tasks#*/}" -gt 0 ] || waiting="$waiting ${name#"${stack}_"}" ;;
      *) waiting="$waiting ${name#"${stack}_"}" ;;
    esac
  done <<<"$listed"
  [ -n "$waiting" ] || break
  [ "$(date +%s)" -lt "$until" ] || { say "not up after $ROLLOUT_WAIT s:$waiting${back:+; went back:$back}" >&2; exit 1; }
done
[ -z "$back" ] || { say "Went back to the version before:$back (docker service ps says why)" >&2; exit 1; }
say "$stack is up"
