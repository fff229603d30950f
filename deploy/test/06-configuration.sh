#!/bin/bash
# `npm run config:check`: the examples are valid once they have their secrets, and of a file with ten mistakes in it all ten are
# named at once, each with what is wrong; no secret is told. `--verify-config` does the same for one program.
. "$(dirname "$0")/lib.sh"

begin configuration
needs openssl=openssl
prepared
"$ROOT/deploy/compose/make-secrets.sh" "$WORK/secrets" >/dev/null
(cd "$ROOT" && TLS_DIR="$WORK/secrets" deploy/compose/make-tls.sh csms.example >/dev/null 2>&1) || fail "no certificate could be made"
# An environment of its own: the shell's variables would win over the file's.
checked() { env -i PATH="$PATH" HOME="$HOME" node "$ROOT/launcher/dist/config-check.js" --env "$1" --file "$2" >"$WORK/told" 2>&1; }
dirs() { printf 'SECRETS_DIR=%s\nTLS_DIR=%s\n' "$1" "$1"; }

for env in development staging production; do
  # The development file has no TLS, and knows no variable for it.
  { grep -vE '^(SECRETS|TLS)_DIR=' "$ROOT/.env.$env"; dirs "$WORK/secrets" | { [ "$env" != development ] && cat || grep SECRETS; }; } >"$WORK/$env"
  checked "$env" "$WORK/$env" || fail "the example for $env: $(cat "$WORK/told")"
done
measured "examples=3"

say "ten mistakes"
cp -r "$WORK/secrets" "$WORK/wrong"
echo change-me-please-now >"$WORK/wrong/service_key.new" && mv -f "$WORK/wrong/service_key.new" "$WORK/wrong/service_key"
rm -f "$WORK/wrong/operator_password"
{
  grep -vE '^(SECRETS|TLS)_DIR=|^CLOUD_IMAGE=|^LOG_LEVEL=' "$WORK/production"
  dirs "$WORK/wrong"
  cat <<'MISTAKES'
LOG_LEVEL=loud
STATION_SERVICE_REPLICS=3
POSTGRES_MAX_CONNECTIONS=40
CLOUD_MQTT_URL=mqtt://broker.example:1883
MQTT_ADDRESS=0.0.0.0
SMTP_PASSWORD=never-to-be-told
this is no line
MISTAKES
} >"$WORK/planted"
checked production "$WORK/planted" && fail "a configuration with ten mistakes is valid"
while IFS= read -r mistake; do
  grep -qE -- "$mistake" "$WORK/told" || fail "not named: $mistake; told was: $(cat "$WORK/told")"
done <<'NAMED'
is not NAME=value
LOG_LEVEL: Invalid option
STATION_SERVICE_REPLICS: no compose file asks for it; STATION_SERVICE_REPLICAS is meant
DATABASE_MAX_CONNECTIONS: all replicas together may ask for [0-9]+ connections
MQTT_URL of site-gateway: leads to broker.example without TLS
port 1883 of mosquitto: is published on 0.0.0.0 without TLS
SMTP_PASSWORD: a secret stands in the file of variables
image switchyard/cloud:latest: names no version
SERVICE_KEY: it is one that everybody knows
secret operator_password: .* is not there
NAMED
for secret in never-to-be-told "$(cat "$WORK/wrong/api_key")" "$(cat "$WORK/wrong/postgres_password")"; do
  grep -qF -- "$secret" "$WORK/told" && fail "a secret is told"
done
measured "planted=10" "named=10"

say "one program"
env -i PATH="$PATH" DATABASE_URL=nowhere SITE_GATEWAY_PORT=many LOG_LEVEL=loud node "$ROOT/cloud/dist/main.js" --target=site-gateway --verify-config >"$WORK/told" 2>&1 \
  && fail "--verify-config takes everything"
for name in DATABASE_URL SITE_GATEWAY_PORT LOG_LEVEL; do grep -q "$name" "$WORK/told" || fail "--verify-config does not name $name: $(cat "$WORK/told")"; done
measured "verify_config=3"
finish
