#!/bin/bash
# Makes the standby the primary: when the primary is gone and does not come back by itself, or to free its machine. docs/runbooks/promotion.md
# Where it was cut off, it is run again.
#
#   deploy/ha/promote.sh                 nothing acknowledged is lost: the standby had it before it was acknowledged
#   deploy/ha/promote.sh --lose          also while `alone`: what the standby lacks is lost, and the cloud is told that it was restored
. "$(dirname "$0")/pair.sh"

lose=no
case "${1:-}" in '') ;; --lose) lose=yes ;; *) fail "usage: promote.sh [--lose]" ;; esac

no_restore
# told PRIMARY STANDBY: by a signal from within; one of the engine's (`docker kill`) would keep PgBouncer from starting again after a boot.
told() {
  for id in $(containers pgbouncer); do docker exec "$id" sh -c 'kill -HUP 1' || say "a PgBouncer that does not run reads it when it starts"; done
  rm -f "$PROMOTING"
  say "PgBouncer leads to $1"
  echo "Now bring $2 back as its standby: deploy/ha/standby.sh together"
}

# Cut off when who leads was written already: the roles are the new ones, and another promotion would be one back.
if [ -s "$PROMOTING" ] && [ "$(cut -d' ' -f1 "$PROMOTING")" = "$PRIMARY" ]; then
  told "$PRIMARY" "$STANDBY"
  exit
fi
old="$(containers "$PRIMARY")" new="$(containers "$STANDBY")"
recovers="$(sql "$new" 'select pg_is_in_recovery()')" || fail "$STANDBY does not run"
if [ -s "$PROMOTING" ]; then
  complete="$(cut -d' ' -f2 "$PROMOTING")"
else
  [ "$recovers" = t ] || fail "$STANDBY is no standby, and no promotion is under way: look at both servers"
  [ -e "$ALONE" ] && complete=no || complete=yes
  [ "$complete$lose" != nono ] || fail "$STANDBY may lack what was acknowledged ($ALONE is there). If $PRIMARY cannot be had back: promote.sh --lose"
fi

# First of all the old one must not take a write any more. On other machines: cut its power, or its network.
docker kill "$old" >/dev/null 2>&1 || true
! runs "$old" || fail "$PRIMARY still runs: nothing was changed"
say "$PRIMARY is stopped"
# From here on it follows, whenever it comes back.
echo "$STANDBY $complete" >"$PROMOTING"
chmod 0644 "$PROMOTING"
if [ "$recovers" = t ]; then
  [ "$(sql "$new" "select pg_promote(true, 60)")" = t ] || fail "$STANDBY was not promoted within a minute: run this again"
fi
# Without a standby of its own nothing that it wrote would ever be acknowledged.
steps=("alter system set synchronous_standby_names = ''" "select pg_reload_conf()")
# The same history on a new timeline, as nothing of it was lost: not a restored database (docs/decisions/0014-lives-of-the-log.md).
[ "$complete" = no ] || steps+=("update log.generation set identity = log.identity()")
sql "$new" "${steps[@]}" >/dev/null
touch "$ALONE"
say "$STANDBY is the primary"
expects_standby "$new"
sh "$(dirname "$0")/lead-to.sh" "$STANDBY" "$PRIMARY"
told "$STANDBY" "$PRIMARY"
