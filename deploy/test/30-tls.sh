#!/bin/bash
# .env.staging with deploy/compose/{staging,tls}.yml and a CA of its own: https, wss and mqtts answer to who trusts it, a site works over mqtts alone, and
# neither a stranger's CA nor an old protocol is good enough. Another certificate is taken under requests with none lost, and a replica that stands apart stays so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/under-load.sh"

begin tls
engine
needs openssl=openssl
server_images
product_images
export TLS_DIR="$WORK/tls" TLS_ADDRESS=127.0.0.1
grep -vE '^(COMPOSE_PROJECT_NAME|CLOUD_IMAGE|TLS_ADDRESS)=' "$ROOT/.env.staging" >"$WORK/staging"
compose_project switchyard-test "$WORK/staging"
"$ROOT/deploy/compose/make-tls.sh" >/dev/null
ca="$TLS_DIR/ca.pem"
tls() { compose --profile simulation "$@"; }

say "up"
tls up -d >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
ask() { in_engine curl -sS --max-time 5 "$@"; }

say "https"
until_true 120 "https" ask -f --cacert "$ca" https://localhost:3443/ready
told="$(ask --cacert "$ca" -o /dev/null -w '%{http_version} %{ssl_verify_result}' https://localhost:3443/health)"
[ "$told" = "2 0" ] || fail "https: $told"
ask https://localhost:3443/health >/dev/null 2>&1 && fail "https is trusted without its CA"
ask --cacert "$ca" --tls-max 1.1 https://localhost:3443/health >/dev/null 2>&1 && fail "https takes TLS 1.1"
ask -f --cacert "$ca" https://localhost:4444/health >/dev/null || fail "site-gateway is not there over https"
measured "https=h2"

say "wss"
# A station that nobody made is refused by the gateway itself: the request has come through.
code="$(ask --cacert "$ca" --http1.1 -o /dev/null -w '%{http_code}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
  -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Sec-WebSocket-Protocol: ocpp1.6' https://localhost:4443/ocpp/nobody)"
case "$code" in 401 | 404) ;; *) fail "wss was answered $code" ;; esac
measured "wss=$code"

say "mqtts"
linked() { [ "$(ask -f http://127.0.0.1:8080/api/status | json it.link.linked)" = true ]; }
until_true 120 "a site that is linked over mqtts" linked
tls logs --no-color mosquitto 2>/dev/null | grep -E 'New client connected .* as .*demo' >/dev/null || fail "the broker does not know the site"
[ "$(docker inspect -f '{{.Config.Env}}' "$(tls ps -q site-controller)" | grep -o 'MQTT_URL=[^ ]*')" = MQTT_URL=mqtts://mosquitto:8883 ] || fail "the site does not use mqtts"
pub() { docker exec "$(tls ps -q mosquitto)" mosquitto_pub -h "$1" -p 8883 -u switchyard-admin -P "$(secret mqtt_admin_password)" -t t -m m "${@:2}" >/dev/null 2>&1; }
docker cp "$ca" "$(tls ps -q mosquitto):/mosquitto/data/ca.pem" >/dev/null 2>&1
pub localhost --cafile /mosquitto/data/ca.pem || fail "mqtts does not answer to its CA"
pub localhost --capath /etc/ssl/certs && fail "mqtts is trusted without its CA"
measured "mqtts=linked"

say "another certificate, under requests"
all_ready
serial() { in_engine openssl s_client -connect "127.0.0.1:$1" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
proxy() { docker exec "$(container haproxy)" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8406 && printf "%s\n" "$1" >&3 && cat <&3' - "$1"; }
apart() { proxy "show servers state station-service" | awk '$7 % 2 { print $4, $5 }'; }
slot="$(proxy "show servers state station-service" | awk 'NF > 8 && $6 == 2 && !n++ { print $4 }')"
proxy "set server station-service/$slot state maint" >/dev/null
held="$(apart)"
[ "${held% *}" = "$slot" ] || fail "$slot does not stand apart: $held"
began="$(docker inspect -f '{{.State.StartedAt}}' "$(container haproxy)" "$(container mosquitto)")" before="$(serial 3443)"
begin_requests
job node "$ROOT/deploy/test/kept-alive.mjs" http://127.0.0.1:3000/health >"$WORK/kept-alive" 2>&1
kept="$JOB"
until_true 20 "an answer" grep -q answered "$WORK/kept-alive"
"$ROOT/deploy/compose/make-tls.sh" >/dev/null
COMPOSE="docker-compose --env-file $COMPOSE_ENV_FILE" "$ROOT/deploy/compose/take-tls.sh"
taken() { [ "$(serial 3443)" != "$before" ] && [ "$(serial 8883)" = "$(serial 3443)" ]; }
until_true 20 "the new certificate on both" taken
kill -TERM "$kept" 2>/dev/null || true
wait "$kept" || fail "a kept-alive connection: $(cat "$WORK/kept-alive")"
sleep 10
end_requests
[ "$(apart)" = "$held" ] || fail "$held stood apart, and now: $(apart)"
[ "$began" = "$(docker inspect -f '{{.State.StartedAt}}' "$(container haproxy)" "$(container mosquitto)")" ] || fail "something was started anew"
# By monitoring-service, from within.
say "when its certificates end"
looked() { [ "$(ask -f http://127.0.0.1:3004/metrics | grep -c '^switchyard_tls_endpoint_up{.*} 1$')" = 2 ]; }
until_true 120 "both certificates to be looked at" looked
finish
