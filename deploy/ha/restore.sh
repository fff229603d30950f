#!/bin/bash
# Puts the pair back to a point in time: the server that leads is made anew from a base backup and the archived log (ARCHIVE_MODE=on),
# the other one is copied from it afterwards. docs/runbooks/restored-cloud.md says what comes before and after. Where it was cut off, or did
# not come to its end, it is run again: with the same backup and time it goes on, with others it begins anew.
#
#   deploy/ha/restore.sh /archive/base-2026-11-23 '2026-11-23 12:00:00+00'      paths as the servers see them: /archive is ARCHIVE_DIR
#   deploy/ha/restore.sh /archive/base-2026-11-23 latest
#   deploy/ha/restore.sh --back      gives up a restore that did not come to its end: both servers have again what they had
#
# What they had stays in their volumes as `pgdata.before-restore`, until somebody removes it.
. "$(dirname "$0")/pair.sh"

usage='usage: restore.sh <base backup> <time with zone | latest>, or restore.sh --back'
base="${1:?$usage}" time="${2:-}"
[ "$base" = --back ] || [ -n "$time" ] || fail "$usage"
WAIT_S="${WAIT_S:-3600}"

leader="$(containers "$PRIMARY")" follower="$(containers "$STANDBY")"
[ -n "$leader" ] || fail "$PRIMARY has no container: docker compose up --no-start makes it"
[ ! -s "$PROMOTING" ] || fail "a promotion is under way: deploy/ha/promote.sh ends it"
running=""
# They would see another history under them.
for service in api-gateway station-service driver-service billing-service monitoring-service ocpp-gateway site-gateway migrate; do
  [ -z "$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$service")" ] || running="$running $service"
done
[ -z "$running" ] || fail "still running:$running. Stop the services first: nothing was changed"

# The restore that is under way (RESTORING), or begins: its id, which the data that it makes has in it too, and what it restores.
id="$(date -u +%Y%m%dT%H%M%SZ)-$$" underway=""
[ ! -s "$RESTORING" ] || { read -r id <"$RESTORING"; underway="$(sed -n 2p "$RESTORING")"; }
# in_volume CONTAINER LINES: sh in its volumes, as its user. $kept is where what it had is kept; `ours` is whether $data is of this restore.
in_volume() {
  local data
  data="$(docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n 's/^PGDATA=//p')"
  docker run --rm --network none --user 999:999 --volumes-from "$1" --tmpfs /tmp -e data="$data" -e kept="$data.before-restore" -e id="$id" -e base="$base" -e time="$time" \
    --entrypoint sh "$(docker inspect -f '{{.Image}}' "$1")" -euc 'ours() { [ "$(cat "$data/restore-id" 2>/dev/null)" = "$id" ]; }
'"$2"
}
# Before anything is moved: once something is kept, what lies there may go if it is of this restore, which did not come to its end.
only_ours() {
  for it in $follower $leader; do
    in_volume "$it" '[ ! -e "$kept" ] || [ ! -e "$data" ] || ours' || fail "in the volume of $(docker inspect -f '{{slice .Name 1}}' "$it") lies other data than of this restore: look at it. Nothing was changed"
  done
}
stop_both() { for it in $follower $leader; do docker stop "$it" >/dev/null; ! runs "$it" || fail "a server still runs: stop it, and run this again"; done; }
recovers() { sql "$leader" 'select pg_is_in_recovery()' 2>/dev/null || true; }
has_ended() { [ "$(recovers)" = f ] && in_volume "$leader" ours; }

recovered() {
  local until_s=$(($(date +%s) + WAIT_S))
  until [ "$(recovers)" = f ]; do
    if [ "$(docker inspect -f '{{.RestartCount}}' "$leader")" -ge 3 ]; then
      docker stop "$leader" >/dev/null
      fail "$PRIMARY does not recover: $(docker logs --tail 40 "$leader" 2>&1 | grep -E 'FATAL|PANIC|postgres-start' | tail -2). Run this again, with a time or a backup that can be had, or with --back"
    fi
    [ "$(date +%s)" -lt "$until_s" ] || fail "$PRIMARY still recovers after $WAIT_S s (docker logs $leader): run this again to go on waiting, or with --back"
    sleep 1
  done
}
finish() {
  expects_standby "$leader"
  rm -f "$RESTORING"
  say "$PRIMARY takes writes, as of $1; start the services, and bring $STANDBY back: deploy/ha/standby.sh together"
}

if [ "$base" = --back ]; then
  [ -n "$underway" ] || fail "no restore is under way: nothing was changed"
  ! has_ended || fail "the restore has come to its end, and $PRIMARY takes writes: run it again to end it (restore.sh $underway). Nothing was changed"
  only_ours
  stop_both
  for it in $follower $leader; do
    in_volume "$it" 'rm -rf "$data.restored" "$data.restored.part"
      if [ -e "$kept" ]; then rm -rf "$data"; mv "$kept" "$data"; elif ours; then rm -rf "$data"; fi'
  done
  rm -f "$RESTORING"
  for it in $leader $follower; do docker start "$it" >/dev/null; done
  say "both have what they had; bring them together: deploy/ha/standby.sh together"
  exit
fi
if [ -n "$underway" ] && has_ended; then
  say "the restore that was under way has come to its end"
  finish "$underway"
  exit
fi
if [ -z "$underway" ]; then
  for it in $leader $follower; do
    in_volume "$it" '[ ! -e "$kept" ]' \
      || fail "in the volume of $(docker inspect -f '{{slice .Name 1}}' "$it") lies what it had before an earlier restore (*.before-restore): move it away first. Nothing was changed"
  done
elif [ "$underway" = "$base $time" ] && [ "$(recovers)" = t ] && in_volume "$leader" ours; then
  say "$PRIMARY recovers to $time"
  recovered
  finish "$time"
  exit
fi

only_ours
# Beside the data that is there, which is untouched until this one is whole.
in_volume "$leader" 'rm -rf "$data.restored" "$data.restored.part"
sh /switchyard/backup/restore.sh "$base" /archive "$time" "$data.restored.part" >/dev/null || { rm -rf "$data.restored.part"; exit 1; }
# Of the time of the backup: there is no standby now that a write could wait for.
echo "synchronous_standby_names = '"''"'" >>"$data.restored.part/postgresql.auto.conf"
echo "$id" >"$data.restored.part/restore-id"
mv "$data.restored.part" "$data.restored"' || fail "nothing was changed"

touch "$ALONE"
printf '%s\n%s %s\n' "$id" "$base" "$time" >"$RESTORING.new"
mv "$RESTORING.new" "$RESTORING"
stop_both
aside='if [ -e "$kept" ] || ours; then rm -rf "$data"; elif [ -e "$data" ]; then mv "$data" "$kept"; fi'
# First the one that follows: with data of the old history it could not.
for it in $follower; do in_volume "$it" "$aside"; done
in_volume "$leader" "$aside"'
mv "$data.restored" "$data"'
say "$PRIMARY recovers to $time"
docker start "$leader" >/dev/null
recovered
finish "$time"
