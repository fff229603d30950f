#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, each random and in a file of its own:
#
#   [ENV_FILE=.env.production] deploy/compose/make-secrets.sh [DIR]        DIR: SECRETS_DIR of the environment or of ENV_FILE, or deploy/secrets
#
# What is there is kept: run it again after an upgrade that brought a new one. Only the folder is closed to others; the
# programs, which run under other user ids, read the files through their mounts.
set -eu

. "$(dirname "$0")/variables.sh"
variables SECRETS_DIR
dir="${1:-${SECRETS_DIR:-$(dirname "$0")/../secrets}}"
mkdir -p "$dir"
chmod 0700 "$dir"

# 192 bits, of letters that need no escape in a URL.
random() { head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }

keep() {
  [ -s "$dir/$1" ] && return
  printf '%s\n' "$2" >"$dir/.$1"
  chmod 0444 "$dir/.$1"
  mv "$dir/.$1" "$dir/$1"
  echo "$dir/$1"
}

keep postgres_password "$(random)"
keep database_url "postgres://switchyard:$(cat "$dir/postgres_password")@postgres:5432/switchyard"
keep redis_password "$(random)"
keep redis_url "redis://:$(cat "$dir/redis_password")@redis:6379"
keep mqtt_password "$(random)"
keep mqtt_admin_password "$(random)"
keep service_key "$(random)"
keep api_key "sk_$(random)"
keep operator_password "$(random)"
keep grafana_password "$(random)"
