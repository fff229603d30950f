#!/bin/sh
# A base backup of the cloud's database while it runs, verified. Connects as libpq does (PGHOST, PGPORT, PGUSER, PGPASSFILE),
# with a role that may replicate:
#
#   ./base-backup.sh /backup/base-2026-11-23
set -eu
to="${1:?usage: base-backup.sh <new directory>}"

if [ -e "$to" ]; then
  echo "$to is there already; a backup is never written over another" >&2
  exit 1
fi
rm -rf "$to.part"
pg_basebackup --pgdata="$to.part" --checkpoint=fast --wal-method=stream --manifest-checksums=SHA256
pg_verifybackup --quiet "$to.part"
mv "$to.part" "$to"
echo "$to is a whole backup, of $(date -u +%Y-%m-%dT%H:%M:%SZ)"
