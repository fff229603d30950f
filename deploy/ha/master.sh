#!/bin/sh
# The address of Redis' master, as the first of SENTINELS says that answers; where none does, of the server that says it is one;
# nothing where there is none.
for sentinel in $SENTINELS; do
  master="$(timeout 2 redis-cli -h "$sentinel" -p 26379 --raw sentinel get-master-addr-by-name switchyard 2>/dev/null | head -1)" || master=""
  [ -z "$master" ] || { printf '%s\n' "$master"; exit; }
done
REDISCLI_AUTH="$(cat /run/secrets/redis_password)"
export REDISCLI_AUTH
# In this order: `redis` may have made itself the master a moment ago, for want of another.
for server in redis-b redis; do
  [ "$(timeout 2 redis-cli -h "$server" --raw role 2>/dev/null | head -1)" = master ] || continue
  getent hosts "$server" | { read -r address _ && echo "$address"; }
  exit
done
