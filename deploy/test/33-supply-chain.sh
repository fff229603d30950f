#!/bin/bash
# What the images are made of: each holds a CycloneDX document that names every package in it, with a hash and a permissive licence,
# and no package that runs is known to be vulnerable at level high, where the registry answers audits.
. "$(dirname "$0")/lib.sh"

begin supply_chain
engine
product_images

say "licences and known holes"
told="$(cd "$ROOT" && node launcher/audit.mjs 2>&1)" || fail "npm run audit: $(tail -5 <<<"$told")"
case "$told" in
  *"not audited"*) measured "audit=not_answered" ;;
  *) measured "audit=none_known" ;;
esac

say "the documents in the images"
for target in cloud edge-controller simulator; do
  docker run --rm --network none --entrypoint cat "switchyard-test/$target" sbom.cdx.json >"$WORK/$target.cdx.json"
  docker run --rm --network none --entrypoint sh "switchyard-test/$target" -c 'ls node_modules/.pnpm' | grep -E '@[0-9]' >"$WORK/packages"
  node - "$WORK/$target.cdx.json" "$WORK/packages" <<'JS' || fail "$target: its document does not name what is in it"
const { readFileSync } = require('node:fs')
const [document, listed] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'))
const { bomFormat, specVersion, components } = JSON.parse(document)
const named = new Set(components.map((it) => `${it.group ? `${it.group}+` : ''}${it.name}@${it.version}`))
const missing = listed.trim().split('\n').filter((it) => !named.has(/^@?[^@]+@[^_(]+/.exec(it)?.[0]))
const bare = components.filter((it) => !it.licenses?.length || it.hashes?.[0]?.alg !== 'SHA-512').map((it) => it.purl)
for (const it of [...missing, ...bare]) console.error(it)
process.exit(bomFormat === 'CycloneDX' && specVersion === '1.6' && missing.length + bare.length === 0 ? 0 : 1)
JS
  measured "${target//-/_}_packages=$(json 'it.components.length' <"$WORK/$target.cdx.json")"
done
finish
