#!/bin/sh
# Starts one of a pair of Redis servers in a container, NAME, as what the Sentinels say: master or replica. Without their word
# `redis` is the master. Nothing in it needs to last. Servers are known by addresses (sentinel-start.sh says why).
set -eu
umask 077
password="$(cat /run/secrets/redis_password)"
# How long a master that does not answer is waited for; the Sentinels have chosen another one by then.
WAIT_S=30

answers() { REDISCLI_AUTH="$password" timeout 2 redis-cli -h "$1" ping 2>/dev/null | grep PONG >/dev/null; }
address_of() { getent hosts "$1" | { read -r address _ && echo "$address"; }; }

own="$(address_of "$(hostname)")"
until="$(($(date +%s) + WAIT_S))"
while :; do
  master="$(sh "$(dirname "$0")/master.sh")"
  # The first start of all: nobody has said anything yet.
  [ -n "$master" ] || { [ "$NAME" = redis ] && master="$own"; } || master="$(address_of redis)" || master=""
  [ "$master" != "$own" ] || break
  # A replica of nobody would never be found by the Sentinels.
  [ -z "$master" ] || ! answers "$master" || break
  if [ "$(date +%s)" -ge "$until" ]; then
    echo "no master answers (${master:-none is known})" >&2
    # Both servers are others than the Sentinels know, which would wait for those for ever: all begin anew.
    [ "$NAME" != redis ] || for it in $SENTINELS; do timeout 2 redis-cli -h "$it" -p 26379 shutdown nosave >/dev/null 2>&1 || true; done
    exit 1
  fi
  sleep 1
done
{
  printf 'requirepass %s\nmasterauth %s\nprotected-mode no\nsave ""\nappendonly no\n' "$password" "$password"
  # A replica takes the master's data by way of a file.
  printf 'dir /tmp\nmaxmemory %s\nmaxmemory-policy allkeys-lru\n' "${REDIS_MAXMEMORY:-128mb}"
  [ "$master" = "$own" ] || printf 'replicaof %s 6379\n' "$master"
} >/tmp/redis.conf
exec redis-server /tmp/redis.conf
