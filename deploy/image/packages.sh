#!/bin/sh
# In the build of an image: for each program named, the npm packages that it runs with, out of the lockfile, as
# /packages/PROGRAM/{node_modules,PROGRAM}. One step for all, so that nothing of the way there stays in a layer.
set -eu

for program in "$@"; do
  rm -rf node_modules ./*/node_modules cloud/dashboard/node_modules
  pnpm install --frozen-lockfile --prod --prefer-offline --reporter=append-only --filter "@switchyard/$program"
  # Packages of ours are in the bundle.
  rm -rf "$program/node_modules/@switchyard"
  case "$program" in
    edge-controller)
      # From Node 22 on the journal uses the ready-made build of SQLite (docs/decisions/0009-two-builds-of-sqlite.md): the one for
      # older versions, sources, and builds for other systems stay behind.
      rm -rf edge-controller/node_modules/better-sqlite3 node_modules/.pnpm/better-sqlite3@12*
      sqlite="$(realpath edge-controller/node_modules/better-sqlite3-13)"
      rm -rf "$sqlite/deps" "$sqlite/src" "$sqlite/binding.gyp"
      find "$sqlite/prebuilds" -type f ! -name "linux-$(node -p process.arch).node" -delete
      ;;
    # Only the simulator of whole worlds, which no image has, uses SQLite in WebAssembly.
    simulators) rm -rf simulators/node_modules/@sqlite.org node_modules/.pnpm/@sqlite.org* ;;
  esac
  # What packages bring for those who develop with them: types, source maps, links to their tools.
  find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete
  find node_modules "$program/node_modules" -depth -type d -name .bin -exec rm -rf {} +
  rm -rf node_modules/.pnpm/@types+*
  mkdir -p "/packages/$program/$program"
  mv node_modules "/packages/$program/"
  mv "$program/node_modules" "$program/package.json" "/packages/$program/$program/"
  cp "/packages/$program/$program/package.json" "$program/"
done
rm -rf "$(pnpm store path)"
