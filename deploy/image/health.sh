#!/bin/bash
# What an image's health check runs: exit code 0 when HEALTH_URL answers 200 in time, else 1 with a line that says why.
# `/health` says that the process serves; `/ready` also that what it needs is there. Which of them is asked, a deployment says.
# Without a program of its own: it runs every few seconds in every container, and a start of Node each time was most of what an
# idle machine did.
set -u
TIMEOUT_S=2

url="${HEALTH_URL:-}"
if [[ ! "$url" =~ ^http://([^:/]+):([0-9]+)(/.*)$ ]]; then
  echo "HEALTH_URL is not http://HOST:PORT/PATH: ${url:-not set}" >&2
  exit 1
fi
host="${BASH_REMATCH[1]}" port="${BASH_REMATCH[2]}" path="${BASH_REMATCH[3]}"
# A connection that is not taken ends at once on this machine; one that is taken and not answered ends with `read -t`.
if ! { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null; then
  echo "$url: no connection" >&2
  exit 1
fi
printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$path" "$host" "$port" >&3
if ! read -r -t "$TIMEOUT_S" _ status _ <&3; then
  echo "$url: no answer within $TIMEOUT_S s" >&2
  exit 1
fi
[ "$status" = 200 ] && exit 0
echo "$url was answered $status" >&2
exit 1
