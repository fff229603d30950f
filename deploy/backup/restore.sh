#!/bin/sh
# Makes a data directory from a base backup and the archived log, as of a point in time. Everything of the cloud is stopped first.
#
#   ./restore.sh /backup/base-2026-11-23 /archive '2026-11-23 12:00:00+00' /var/lib/postgresql/15/restored
#   ./restore.sh /backup/base-2026-11-23 /archive latest                   /var/lib/postgresql/15/restored
#
# Then start Postgres on it. It recovers, and takes writes on a new timeline, by which the cloud knows that it was restored. The history that it
# follows is the one that was written at that time: of an earlier restore, or a promotion, what came before it (by when the archive got their
# `.history` files; TIMELINE names another: a number, or latest).
set -eu
usage='usage: restore.sh <base backup> <archive> <time with zone | latest> <new data directory>'
base="${1:?$usage}" archive="${2:?$usage}" time="${3:?$usage}" to="${4:?$usage}"

for it in "$base/PG_VERSION" "$archive"; do
  [ -e "$it" ] || { echo "$it is not there" >&2; exit 1; }
done
# The server would look from its data directory.
archive="$(cd "$archive" && pwd)"
if [ -d "$to" ] && [ -n "$(ls -A "$to")" ]; then
  echo "$to is not empty; the old data directory is moved away, never written over" >&2
  exit 1
fi
if [ "$time" = latest ]; then
  # That of an earlier restore may stand there still.
  target="recovery_target_time = ''"
elif echo "$time" | grep -Eq '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'; then
  # At its start the server knows no names of zones, not even Z.
  target="recovery_target_time = '$(echo "$time" | sed 's/ *Z$/+00/')'"
  at="$(date -d "$time" +%s)"
else
  echo "\"$time\" is no time with a zone, as 2026-11-23 12:00:00+00 is" >&2
  exit 1
fi

# That of the last promotion before the time, or the backup's own. `latest` would follow an earlier restore to a point before this one.
timeline=latest
if [ "$time" != latest ]; then
  timeline="$(sed -n 's/^START TIMELINE: //p' "$base/backup_label")"
  for file in "$archive"/????????.history; do
    [ -e "$file" ] && [ "$(stat -c %Y "$file")" -le "$at" ] || continue
    number=$((0x$(basename "$file" .history)))
    [ "$number" -le "$timeline" ] || timeline="$number"
  done
fi
timeline="${TIMELINE:-$timeline}"

pg_verifybackup --quiet "$base"
mkdir -p "$to"
cp -a "$base/." "$to/"
chmod 700 "$to"
# A backup of a standby has its signal, which would go before that of a recovery: it would read on past the time, and never lead.
rm -f "$to/postmaster.pid" "$to/recovery.signal" "$to/standby.signal"
# Archiving goes on as before: a new timeline has file names of its own.
cat >> "$to/postgresql.auto.conf" <<CONF
restore_command = 'cp "$archive/%f" "%p"'
recovery_target_timeline = '$timeline'
recovery_target_action = 'promote'
$target
CONF
touch "$to/recovery.signal"
# As root: the server's own user must own all of it.
if [ "$(id -u)" = 0 ] && id postgres >/dev/null 2>&1; then chown -R postgres: "$to"; fi
echo "$to is ready: start Postgres on it; it recovers to ${time}"
