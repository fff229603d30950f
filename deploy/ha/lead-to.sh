#!/bin/sh
# Writes which of the two servers PgBouncer leads to: lead-to.sh PRIMARY STANDBY. PgBouncer reads it at a RELOAD (SIGHUP).
set -eu
primary="${1:?usage: lead-to.sh PRIMARY STANDBY}" standby="${2:?usage: lead-to.sh PRIMARY STANDBY}"
cat >"$PAIR_DIR/.databases.ini" <<INI
[databases]
; The primary, a connection for each transaction.
switchyard = host=$primary port=5432
; The primary, a connection for as long as the client has one: for migrations.
switchyard_session = host=$primary port=5432 dbname=switchyard pool_mode=session pool_size=10
; The standby: for what may be read from a replica.
switchyard_replica = host=$standby port=5432 dbname=switchyard
INI
chmod 0644 "$PAIR_DIR/.databases.ini"
mv "$PAIR_DIR/.databases.ini" "$PAIR_DIR/databases.ini"
