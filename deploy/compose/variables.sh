# The file of compose, ENV_FILE, for scripts that are no part of compose. Sourced by sh scripts:
#
#   variables NAME...      takes them from it, where the environment does not say them. Paths in it begin, as for compose, at the project's folder
#   compose_command        `compose ARGS...` is the compose plugin or docker-compose with it (.env.production), or $COMPOSE
variables() {
  [ -n "${ENV_FILE:-}" ] || return 0
  [ -r "$ENV_FILE" ] || { echo "ENV_FILE: $ENV_FILE cannot be read" >&2; exit 1; }
  for name in "$@"; do
    eval "[ -z \"\${$name:-}\" ]" || continue
    # As compose reads it: without a comment behind it, and without quotes around it.
    value="$(sed -n "s/^$name=//p" "$ENV_FILE" | tail -1 | sed -e 's/[[:space:]]#.*$//' -e 's/[[:space:]]*$//' -e "s/^'\(.*\)'\$/\1/" -e 's/^"\(.*\)"$/\1/')"
    [ -n "$value" ] || continue
    case "$name $value" in
      *_DIR\ /*) ;;
      *_DIR\ *) value="$(cd "$(dirname "$0")/../.." && pwd)/$value" ;;
    esac
    eval "$name=\$value"
    export "${name?}"
  done
}

compose_command() {
  if [ -z "${COMPOSE:-}" ]; then
    COMPOSE=docker-compose
    if docker compose version >/dev/null 2>&1; then COMPOSE='docker compose'; fi
    COMPOSE="$COMPOSE --env-file ${ENV_FILE:-.env.production}"
  fi
  compose() { $COMPOSE "$@"; }
}
