# What promote.sh, standby.sh and restore.sh share; sourced. They speak to the containers of deploy/compose/ha.yml. Of the environment, or of the
# file of compose that ENV_FILE names:
#
#   COMPOSE_PROJECT_NAME   as for compose (switchyard)
#   PAIR_DIR               as for compose: who leads, which PgBouncer and both servers read; `alone`, which is there while what is acknowledged lies
#                          on one server only; `promoting` while a promotion is under way, `restoring` while a restore is; `formed` once there were two
set -euo pipefail
. "$(dirname "$0")/../compose/variables.sh"
variables COMPOSE_PROJECT_NAME PAIR_DIR
PROJECT="${COMPOSE_PROJECT_NAME:-switchyard}"
export PAIR_DIR="${PAIR_DIR:-$(dirname "$0")/../secrets/pair}"
ALONE="$PAIR_DIR/alone"
PROMOTING="$PAIR_DIR/promoting"
RESTORING="$PAIR_DIR/restoring"

fail() { echo "$*" >&2; exit 1; }
say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

[ -s "$PAIR_DIR/databases.ini" ] || fail "$PAIR_DIR/databases.ini is not there: deploy/ha/prepare.sh makes it"
PRIMARY="$(sed -n 's/^switchyard = host=\([a-z-]*\) .*/\1/p' "$PAIR_DIR/databases.ini")"
case "$PRIMARY" in
  postgres) STANDBY=postgres-b ;;
  postgres-b) STANDBY=postgres ;;
  *) fail "$PAIR_DIR/databases.ini names neither postgres nor postgres-b as the primary" ;;
esac

# containers SERVICE: their ids, also of those that have stopped.
containers() {
  docker ps -aq --no-trunc --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1" \
    --filter label=com.docker.compose.oneoff=False
}
no_restore() { [ ! -e "$RESTORING" ] || fail "a restore is under way ($RESTORING): deploy/ha/restore.sh, run again, ends it, or gives it up with --back"; }
runs() { [ "$(docker inspect -f '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }
# expects_standby PRIMARY: the slot of a standby that has not come yet, by which it is told (StandbyGone) that there is none. It keeps no
# log before somebody has come.
expects_standby() {
  sql "$1" "select pg_create_physical_replication_slot('standby') where not exists (select from pg_replication_slots where slot_name = 'standby')" >/dev/null ||
    say "there is no slot for a standby: nothing will tell that it is missing"
}
# sql CONTAINER STATEMENT...: each a transaction of its own.
sql() {
  local id="$1" args=() statement
  shift
  for statement in "$@"; do args+=(-c "$statement"); done
  docker exec "$id" psql -XAtq -v ON_ERROR_STOP=1 -U switchyard -d switchyard "${args[@]}"
}
