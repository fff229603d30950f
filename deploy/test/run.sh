#!/bin/bash
# Runs the scripts of this folder and keeps what they measured in results.json, from which docs/deployment.md has its table.
#
#   deploy/test/run.sh [--fast | --long | NAME...] [--minutes N] [--if-able] [--no-record]
#
#   --fast, --long   those numbered below 50, and from 50 on; without either, and without names, all
#   --minutes N      starts no script after so many minutes; what is left is skipped, and counts as that
#   --if-able        skips all of them, saying why, where no engine can run; without it that is a failure
#   --no-record      leaves results.json as it is
#
# A script ends with `RESULT name ok key=value ...`; the last line here counts them: N passed, N failed, N skipped.
set -uo pipefail
cd "$(dirname "$0")"

# A script that takes longer hangs.
FAST_DEADLINE_S=900
LONG_DEADLINE_S=3600

which=all minutes="" if_able="" record=yes names=()
while [ $# -gt 0 ]; do
  case "$1" in
    --fast | --long) which="${1#--}" ;;
    --minutes) minutes="${2:-}"; shift ;;
    --if-able) if_able=yes ;;
    --no-record) record="" ;;
    -*) echo "$1: there is no such option; see the head of deploy/test/run.sh" >&2; exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
[[ "$minutes" =~ ^[0-9]*$ ]] || { echo "--minutes: a number, not \"$minutes\"" >&2; exit 2; }

scripts=()
for file in [0-9][0-9]-*.sh; do
  number="$((10#${file%%-*}))" name="${file#*-}" name="${name%.sh}"
  case "${#names[@]} $which" in
    '0 all') scripts+=("$file") ;;
    '0 fast') [ "$number" -ge 50 ] || scripts+=("$file") ;;
    '0 long') [ "$number" -lt 50 ] || scripts+=("$file") ;;
    *) [[ " ${names[*]} " != *" $name "* ]] || scripts+=("$file") ;;
  esac
done
[ "${#scripts[@]}" -gt 0 ] || { echo "no such script: ${names[*]}; there are $(ls [0-9][0-9]-*.sh | tr '\n' ' ')" >&2; exit 2; }

# Says why no engine can run here; nothing where one can.
unable() {
  local probe="/sys/fs/cgroup/switchyard-test-probe-$$"
  [ "$(id -u)" = 0 ] || { echo "not root"; return; }
  [ -e /etc/debian_version ] || { echo "no Debian: packages come from there"; return; }
  unshare --net --mount --pid --fork --mount-proc --propagation private true 2>/dev/null || { echo "namespaces are refused"; return; }
  { mkdir "$probe" && rmdir "$probe"; } 2>/dev/null || { echo "groups of processes (cgroups) cannot be made"; return; }
  [ -c /dev/net/tun ] || { echo "/dev/net/tun is missing, by which an engine reaches the network"; return; }
  local program
  for program in docker-compose slirp4netns iptables mmdebstrap; do
    command -v "$program" >/dev/null && continue
    apt-get update -q -o APT::Update::Error-Mode=any >/dev/null 2>&1 || echo "$program is missing, and Debian's packages cannot be reached"
    return
  done
}

why="$(unable)"
if [ -n "$why" ]; then
  echo "Deployments cannot be tested here: $why"
  if [ -n "$if_able" ]; then
    printf '0 passed, 0 failed, %d skipped\n' "${#scripts[@]}"
    exit 0
  fi
  printf '0 passed, %d failed\n' "${#scripts[@]}"
  exit 1
fi

running=""
trap 'trap "" INT TERM HUP; [ -z "$running" ] || { kill "$running" 2>/dev/null; wait "$running"; }; exit 130' INT TERM HUP
passed=0 failed=0 skipped=0 began="$(date +%s)"
for file in "${scripts[@]}"; do
  started="$(date +%s)"
  if [ -n "$minutes" ] && [ $((started - began)) -ge $((minutes * 60)) ]; then
    skipped=$((skipped + 1))
    printf '\nskipped: %s, as %d minutes are over\n' "$file" "$minutes"
    continue
  fi
  printf '\n=== %s\n' "$file"
  deadline="$FAST_DEADLINE_S"
  [ "$((10#${file%%-*}))" -lt 50 ] || deadline="$LONG_DEADLINE_S"
  # In the background, so that a signal is taken at once; `timeout` passes it on to the script, which takes its engine away.
  output="$(mktemp)"
  timeout -k 60 "$deadline" "./$file" >"$output" 2>&1 &
  running=$!
  tail -n +1 -f -s 0.2 --pid="$running" "$output" &
  wait "$running"
  running=""
  wait
  last="$(tail -1 "$output")"
  rm -f "$output"
  seconds=$(($(date +%s) - started))
  if [[ "$last" == RESULT\ *\ ok* ]] && { [ -z "$record" ] || node results.mjs "$file" "$seconds" "$last"; }; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $file after $seconds s"
  fi
done
echo
[ -z "$record" ] || echo 'UPDATE_DOCS=1 npx vitest run launcher/src/deployment-document.test.ts  takes the results into docs/deployment.md'
counted="$passed passed, $failed failed"
[ "$skipped" = 0 ] || counted="$counted, $skipped skipped"
echo "$counted"
[ "$failed" = 0 ]
