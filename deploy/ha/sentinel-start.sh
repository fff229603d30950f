#!/bin/sh
# Starts one of three Sentinels in a container, NAME. What it learns it writes into its own configuration, which goes with the container:
# it learns it again from the others.
#
# By addresses: a name that nobody has any more is looked up for seconds where no DNS answers, and a Sentinel that waits for DNS
# decides nothing meanwhile. Whoever comes back with another address is learnt anew: servers from the master, Sentinels by their id.
set -eu
umask 077
master="$(sh "$(dirname "$0")/master.sh")"
[ -n "$master" ] || master="$(getent hosts redis | { read -r address _ && echo "$address"; })"
cat >/tmp/sentinel.conf <<CONF
port 26379
protected-mode no
sentinel myid $(printf %s "$NAME" | sha1sum | cut -c1-40)
sentinel monitor switchyard $master 6379 2
sentinel auth-pass switchyard $(cat /run/secrets/redis_password)
sentinel down-after-milliseconds switchyard 2000
sentinel failover-timeout switchyard 10000
sentinel parallel-syncs switchyard 1
CONF
exec redis-server /tmp/sentinel.conf --sentinel
