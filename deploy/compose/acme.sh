#!/bin/sh
# Asks an ACME CA for the certificate of deploy/compose/tls.yml, or renews it when fewer than 30 days are left, and has HAProxy and
# Mosquitto take it without a connection lost. Before the first start, and then daily (cron, or a timer of systemd):
#
#   ACME_EMAIL=you@example.com [ENV_FILE=.env.production] deploy/compose/acme.sh NAME...
#
# NAME: the host names, which must lead to this machine's port 80. ENV_FILE names the files of compose in COMPOSE_FILE, with acme.yml
# after tls.yml. ACME_SERVER: another CA than Let's Encrypt. COMPOSE: the command, where it is neither `docker compose --env-file ENV_FILE` nor docker-compose.
set -eu

[ $# -gt 0 ] && [ -n "${ACME_EMAIL:-}" ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/../.."
env="${ENV_FILE:-.env.production}"
tls="${TLS_DIR:-$(sed -n 's/^TLS_DIR=//p' "$env" 2>/dev/null)}"
tls="${tls:-deploy/secrets/tls}"
. deploy/compose/variables.sh
compose_command

# HAProxy starts only with a certificate: one of a CA of our own, until the real one is there.
[ -s "$tls/haproxy.pem" ] || TLS_DIR="$tls" deploy/compose/make-tls.sh "$@"
compose up -d --no-recreate haproxy acme

first="$1"
set -- $(for name in "$@"; do printf -- '--domains %s ' "$name"; done)
# ask COMMAND...: by lego, whose image has it in the root.
ask() {
  compose exec -T acme sh -c 'PATH="$PATH:/"; exec lego "$@"' lego --accept-tos --path /acme --email "$ACME_EMAIL" \
    --server "${ACME_SERVER:-https://acme-v02.api.letsencrypt.org/directory}" --http --http.port :8402 "$@"
}
held() { compose exec -T acme cat "/acme/certificates/$first.$1"; }
if held crt >/dev/null 2>&1; then ask "$@" renew --no-random-sleep --days "${ACME_RENEW_DAYS:-30}"; else ask "$@" run; fi

held crt >"$tls/certificate.new"
held key >"$tls/key.new"
# There until it was taken: a run that was cut off is gone on with.
untaken="$tls/untaken"
if [ ! -e "$untaken" ] && cmp -s "$tls/certificate.new" "$tls/certificate.pem"; then
  rm -f "$tls/certificate.new" "$tls/key.new"
  echo "the certificate of $first is still good"
  exit 0
fi
touch "$untaken"
cat "$tls/certificate.new" "$tls/key.new" >"$tls/haproxy.new"
for file in certificate key haproxy; do
  # Into the file that is there: a mount shows that one, not what is moved into its place.
  chmod 0644 "$tls/$file.pem"
  cat "$tls/$file.new" >"$tls/$file.pem"
  chmod 0444 "$tls/$file.pem"
  rm -f "$tls/$file.new"
done
ENV_FILE="$env" COMPOSE="$COMPOSE" deploy/compose/take-tls.sh
rm -f "$untaken"
echo "the certificate of $first is new"
