#!/bin/sh
# As much of the public image's entrypoint as docker-compose.yml uses: POSTGRES_USER, POSTGRES_DB and POSTGRES_PASSWORD_FILE at the
# first start, then the server with the arguments given.
set -eu
[ "${1:-postgres}" = postgres ] || exec "$@"
umask 077
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  initdb -D "$PGDATA" --username="${POSTGRES_USER:-postgres}" --pwfile="$POSTGRES_PASSWORD_FILE" \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
  printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -w -o "-c listen_addresses=''" start
  name="${POSTGRES_DB:-${POSTGRES_USER:-postgres}}"
  [ "$name" = postgres ] || createdb -U "${POSTGRES_USER:-postgres}" "$name"
  for file in /docker-entrypoint-initdb.d/*.sh; do [ ! -f "$file" ] || . "$file"; done
  pg_ctl -D "$PGDATA" -w -m fast stop
fi
shift || true
exec postgres -D "$PGDATA" -c listen_addresses='*' "$@"
