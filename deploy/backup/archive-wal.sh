#!/bin/sh
# Keeps one file of Postgres's log, for `archive_command`; success means that it is on the disk.
#
#   archive_mode = on
#   archive_timeout = 60          # at most a minute of a quiet system is lost with the machine
#   archive_command = '/path/to/archive-wal.sh %p /archive/%f'
#
# The archive lies on another machine or volume than the database.
set -eu
from="${1:?usage: archive-wal.sh %p /archive/%f}"
to="${2:?usage: archive-wal.sh %p /archive/%f}"

if [ -e "$to" ]; then
  # Postgres asks again after a crash; the same file is as good as kept, another under this name is never written over.
  cmp -s "$from" "$to" && exit 0
  echo "$to is there already and is another file" >&2
  exit 1
fi
cp "$from" "$to.part"
sync "$to.part"
mv "$to.part" "$to"
sync "$(dirname "$to")"
