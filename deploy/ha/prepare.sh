#!/bin/sh
# What deploy/compose/ha.yml needs beside the secrets of make-secrets.sh: URLs that lead through PgBouncer and over the Sentinels, and
# the folder (PAIR_DIR) in which stands which server is the primary. What is there is kept.
#
#   [ENV_FILE=.env.production] deploy/ha/prepare.sh        SECRETS_DIR and PAIR_DIR are those of the environment, or of ENV_FILE
set -eu
here="$(dirname "$0")"
. "$here/../compose/variables.sh"
variables SECRETS_DIR PAIR_DIR
secrets="${SECRETS_DIR:-$here/../secrets}"
pair="${PAIR_DIR:-$here/../secrets/pair}"

keep() {
  [ -s "$secrets/$1" ] && return
  printf '%s\n' "$2" >"$secrets/.$1"
  chmod 0444 "$secrets/.$1"
  mv "$secrets/.$1" "$secrets/$1"
  echo "$secrets/$1"
}
postgres="postgres://switchyard:$(cat "$secrets/postgres_password")@pgbouncer:6432"
keep ha_database_url "$postgres/switchyard"
keep ha_database_direct_url "$postgres/switchyard_session"
keep ha_database_replica_url "$postgres/switchyard_replica"
keep ha_redis_url "redis+sentinel://:$(cat "$secrets/redis_password")@sentinel-a:26379,sentinel-b:26379,sentinel-c:26379/switchyard"

mkdir -p "$pair"
chmod 0755 "$pair"
[ -s "$pair/databases.ini" ] || PAIR_DIR="$pair" sh "$here/lead-to.sh" postgres postgres-b
# Until both servers are there and said to be: what is acknowledged lies on one disk.
[ -e "$pair/paired-once" ] || { touch "$pair/alone" "$pair/paired-once"; }
