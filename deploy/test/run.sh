#!/bin/bash
# Runs the scripts of this folder and keeps what they measured in results.json, from which docs/deployment.md has its table.
#
#   deploy/test/run.sh [--fast | --long | NAME...]     default: all; fast ones are numbered below 50
#
# A script ends with `RESULT name ok key=value ...`; the last line here counts them: N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")"

scripts=()
for file in [0-9][0-9]-*.sh; do
  number="${file%%-*}" name="${file#*-}" name="${name%.sh}"
  case "${1:-}" in
    '') scripts+=("$file") ;;
    --fast) [ "$((10#$number))" -ge 50 ] || scripts+=("$file") ;;
    --long) [ "$((10#$number))" -lt 50 ] || scripts+=("$file") ;;
    *) for wanted in "$@"; do [ "$wanted" != "$name" ] || scripts+=("$file"); done ;;
  esac
done
[ "${#scripts[@]}" -gt 0 ] || { echo "no such script: $*; there are $(ls [0-9][0-9]-*.sh | tr '\n' ' ')" >&2; exit 2; }

passed=0 failed=0
for file in "${scripts[@]}"; do
  printf '\n=== %s\n' "$file"
  started="$(date +%s)"
  last="$("./$file" 2>&1 | tee >(cat >&2) | tail -1)"
  seconds=$(($(date +%s) - started))
  if [[ "$last" == RESULT\ *\ ok* ]]; then
    passed=$((passed + 1))
    node results.mjs "$file" "$seconds" "$last" || failed=$((failed + 1))
  else
    failed=$((failed + 1))
  fi
done
echo; echo 'UPDATE_DOCS=1 npx vitest run launcher/src/deployment-document.test.ts  takes the results into docs/deployment.md'
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
