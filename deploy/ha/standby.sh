#!/bin/bash
# The standby and what waits for it.
#
#   deploy/ha/standby.sh status      who is what, and how far the standby is
#   deploy/ha/standby.sh together    starts the standby, waits until it has everything, and from then on acknowledges only what both have
#   deploy/ha/standby.sh alone       the standby is gone for longer: go on without it (until then every write waits for it)
. "$(dirname "$0")/pair.sh"

WAIT_S="${WAIT_S:-300}"
primary="$(containers "$PRIMARY")"

case "${1:-}" in
  status)
    echo "primary $PRIMARY, standby $STANDBY, $([ -e "$ALONE" ] && echo 'alone: acknowledged is what the primary has' || echo 'together: acknowledged is what both have')"
    sql "$primary" "select application_name, state, sync_state, coalesce(replay_lag, '0'), pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) || ' bytes behind' from pg_stat_replication"
    ;;
  together)
    no_restore
    standby="$(containers "$STANDBY")"
    runs "$standby" || docker start "$standby" >/dev/null
    until_it() {
      local until=$(($(date +%s) + WAIT_S))
      until [ "$(sql "$primary" "$2")" = t ]; do
        [ "$(date +%s)" -lt "$until" ] || fail "waited $WAIT_S s in vain for $STANDBY to be $1: docker logs $standby"
        sleep 0.5
      done
    }
    until_it streaming "select exists (select from pg_stat_replication where application_name = 'standby' and state = 'streaming')"
    # Taken back where the standby goes away before it has everything: until then every write would wait for it.
    take_back() { touch "$ALONE"; sql "$primary" "alter system set synchronous_standby_names = ''" "select pg_reload_conf()" >/dev/null && say "$PRIMARY goes on alone" >&2; }
    if [ -e "$ALONE" ]; then trap take_back EXIT; trap 'exit 130' INT TERM HUP; fi
    sql "$primary" "alter system set synchronous_standby_names = 'standby'" "select pg_reload_conf()" >/dev/null
    # By then every process of the server has read it; what was acknowledged before that must be on the standby too.
    sleep 1
    written="$(sql "$primary" "select pg_current_wal_flush_lsn()")"
    until_it synchronous "select exists (select from pg_stat_replication where application_name = 'standby' and sync_state = 'sync' and flush_lsn >= '$written')"
    touch "$PAIR_DIR/formed"
    trap - EXIT INT TERM HUP
    rm -f "$ALONE"
    say "$STANDBY is the standby of $PRIMARY: what is acknowledged, both have"
    ;;
  alone)
    # Said first: from here on a promotion may lose something.
    touch "$ALONE"
    sql "$primary" "alter system set synchronous_standby_names = ''" "select pg_reload_conf()" >/dev/null
    say "$PRIMARY goes on alone"
    ;;
  *) fail "usage: standby.sh status | together | alone" ;;
esac
