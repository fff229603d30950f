#!/bin/bash
# A certificate by ACME through HAProxy (deploy/compose/acme.yml), of a CA that runs beside it: asked for before anything runs, left alone
# while it is good, renewed, and taken by https and mqtts without a restart, also when the run that renewed it was cut off.
. "$(dirname "$0")/lib.sh"

begin acme
engine
needs openssl=openssl
server_images
build_image switchyard-test/acme "$ROOT/deploy/test/images/acme" --build-arg "BASE_IMAGE=$BASE_IMAGE"
export ACME_IMAGE=switchyard-test/acme
compose_project switchyard-test
export TLS_DIR="$WORK/tls" ACME_EMAIL=operator@csms.test ACME_SERVER=https://pebble:14000/dir
"$ROOT/deploy/compose/make-tls.sh" csms.test pebble >/dev/null
export COMPOSE="docker-compose --env-file $COMPOSE_ENV_FILE -f docker-compose.yml -f deploy/compose/tls.yml -f deploy/compose/acme.yml -f deploy/test/images/acme/pebble.yml"
acme() { (cd "$ROOT" && $COMPOSE "$@"); }

# shown PORT: the certificate that is shown there, as issuer and serial.
shown() { in_engine openssl s_client -connect "127.0.0.1:$1" -servername csms.test </dev/null 2>/dev/null | openssl x509 -noout -issuer -serial; }
of_pebble() { shown "$1" | grep 'Pebble Intermediate CA' >/dev/null; }
holds() {
  in_engine openssl s_client -connect "127.0.0.1:$1" -verify_return_error -verify_hostname csms.test -CAfile "$WORK/root.pem" </dev/null >/dev/null 2>&1 \
    || fail "what $1 shows does not hold against the CA's root"
}

say "asked for, before anything runs"
acme up -d pebble >"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
# Of a container of this CA, which says what its root is.
root() { in_engine curl -sS --max-time 5 --cacert "$TLS_DIR/ca.pem" --connect-to "pebble:15000:$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(acme ps -q pebble)"):15000" https://pebble:15000/roots/0; }
until_true 30 "the CA" root
root >"$WORK/root.pem"
told="$("$ROOT/deploy/compose/acme.sh" csms.test 2>&1)" || fail "acme.sh: $(tail -15 <<<"$told")"
until_true 20 "the certificate on 3443" of_pebble 3443
holds 3443
code="$(in_engine curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: csms.test' http://127.0.0.1/api/v1/me)"
[ "$code" = "301 https://csms.test/api/v1/me" ] || fail "plain http is answered $code"
acme up -d mosquitto >>"$WORK/up.log" 2>&1 || fail "up: $(tail -20 "$WORK/up.log")"
until_true 60 "the certificate on 8883" of_pebble 8883
holds 8883
measured "https=taken" "mqtts=taken"

say "still good, then renewed"
"$ROOT/deploy/compose/acme.sh" csms.test 2>&1 | tail -1 | grep 'still good' >/dev/null || fail "a good certificate is not left alone"
before="$(acme ps -q haproxy) $(docker inspect -f '{{.State.StartedAt}}' "$(acme ps -q haproxy)" "$(acme ps -q mosquitto)")"
serial="$(shown 3443)"
told="$(ACME_RENEW_DAYS=100000 "$ROOT/deploy/compose/acme.sh" csms.test 2>&1)" || fail "renew: $(tail -15 <<<"$told")"
renewed() { of_pebble 3443 && [ "$(shown 3443)" != "$serial" ] && [ "$(shown 8883)" = "$(shown 3443)" ]; }
until_true 20 "the renewed certificate on both" renewed

say "cut off before it was taken"
touch "$TLS_DIR/untaken"
"$ROOT/deploy/compose/acme.sh" csms.test 2>&1 | tail -1 | grep 'is new' >/dev/null || fail "a certificate that was not taken is left alone"
[ ! -e "$TLS_DIR/untaken" ] || fail "taken, and still said to be not"
[ "$before" = "$(acme ps -q haproxy) $(docker inspect -f '{{.State.StartedAt}}' "$(acme ps -q haproxy)" "$(acme ps -q mosquitto)")" ] || fail "something was started anew"
measured "renewed=yes"
finish
