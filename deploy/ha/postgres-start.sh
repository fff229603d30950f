#!/bin/sh
# Starts one of a pair of Postgres servers in a container, NAME, as what the pair's files say (/pair, which promote.sh writes): PEER is
# the other one. A server never decides by itself that it is the primary.
#
#   leads      the primary; without data only before the pair was ever whole, else it is an error: the other one has the data
#   follows    no data: a copy of the other one, as its standby; was the standby: the standby again; was the primary: it waits for
#              the other one to be promoted, what it had beyond that is taken back (pg_rewind), and it is its standby
set -eu

name=switchyard
# Log that stays beside what the standby still needs.
KEEP=1GB
export PGUSER="$POSTGRES_USER" PGPASSFILE=/tmp/pgpass PGCONNECT_TIMEOUT=3
umask 077
printf '*:*:*:%s:%s\n' "$POSTGRES_USER" "$(cat "$POSTGRES_PASSWORD_FILE")" >"$PGPASSFILE"
# As the public image has it, and the other server may replicate.
printf '%s\n' 'local all all trust' 'local replication all trust' 'host all all all scram-sha-256' 'host replication all all scram-sha-256' >/tmp/pg_hba.conf
say() { echo "postgres-start: $*" >&2; }
peer() { psql -XAtq -h "$PEER" -d "$name" -c "$1"; }
peer_is_primary() { [ "$(peer 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; }
until_peer_is_primary() { until peer_is_primary; do say "waiting for $PEER to be the primary"; sleep 1; done; }
# A promotion that is under way counts; it is finished by promote.sh, run again.
leader() { if [ -s /pair/promoting ]; then cut -d' ' -f1 /pair/promoting; else sed -n 's/^switchyard = host=\([a-z-]*\) .*/\1/p' /pair/databases.ini; fi; }

# On the primary, so that it keeps the log that its standby lacks (up to max_slot_wal_keep_size).
slot() { peer "select pg_create_physical_replication_slot('standby') where not exists (select from pg_replication_slots where slot_name = 'standby')" >/dev/null; }

# From the other one, anew; what was there is moved aside, one copy of it.
copy() {
  until_peer_is_primary
  slot
  rm -rf "$PGDATA.part"
  say "copying $PEER"
  pg_basebackup -h "$PEER" --pgdata="$PGDATA.part" --checkpoint=fast --wal-method=stream --slot=standby
  if [ -e "$PGDATA" ]; then rm -rf "$PGDATA.before"; mv "$PGDATA" "$PGDATA.before"; fi
  mv "$PGDATA.part" "$PGDATA"
  touch "$PGDATA/standby.signal"
}

rewind() {
  until_peer_is_primary
  say "$PEER was promoted: becoming its standby"
  # The place of its promotion stands in its control file once it has made a checkpoint.
  peer checkpoint
  # It recovers the old primary first, by a server that knows no arguments of ours: it would note that hints are not logged, and
  # remove the log in which the two histories part.
  printf "wal_log_hints = on\nwal_keep_size = '%s'\n" "$KEEP" >>"$PGDATA/postgresql.auto.conf"
  # Of the server that was killed: process 1, as this script is now. No other container has this volume.
  rm -f "$PGDATA/postmaster.pid"
  if pg_rewind --target-pgdata="$PGDATA" --source-server="host=$PEER dbname=$name user=$POSTGRES_USER"; then
    touch "$PGDATA/standby.signal"
  else
    copy
  fi
}

if [ "$(leader)" = "$NAME" ]; then
  if [ ! -s "$PGDATA/PG_VERSION" ] && [ -e /pair/formed ]; then
    say "there is no data here, and $NAME leads: $PEER has the data (docs/runbooks/promotion.md)"
    exit 1
  fi
else
  # It may take long, and nobody waits for it: what needs the database needs the other one (the health check of ha.yml).
  touch /tmp/becomes-standby
  if [ ! -s "$PGDATA/PG_VERSION" ]; then copy; elif [ ! -e "$PGDATA/standby.signal" ]; then rewind; fi
  rm -f /tmp/becomes-standby
fi
if [ -e "$PGDATA/standby.signal" ]; then
  # Its own, of when it was a primary: it would keep the log for ever.
  rm -rf "$PGDATA"/pg_replslot/*
  ! peer_is_primary || slot
  # The point in time of a restore in former days would end its recovery, and make it a primary; the timeline would keep it from following.
  set -- -c recovery_target_time= -c recovery_target_timeline=latest "$@"
fi
exec docker-entrypoint.sh postgres \
  -c "primary_conninfo=host=$PEER user=$POSTGRES_USER passfile=$PGPASSFILE application_name=standby connect_timeout=3" \
  -c primary_slot_name=standby -c max_slot_wal_keep_size="${POSTGRES_SLOT_KEEP:-4GB}" -c wal_keep_size="$KEEP" -c wal_log_hints=on -c hot_standby=on \
  -c wal_receiver_timeout=10s -c wal_sender_timeout=10s -c hba_file=/tmp/pg_hba.conf "$@"
