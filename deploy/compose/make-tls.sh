#!/bin/sh
# A CA of your own and a certificate by it for deploy/compose/tls.yml, for development and closed networks:
#
#   [ENV_FILE=.env.production] deploy/compose/make-tls.sh [NAME...]        names and addresses by which it is reached; mosquitto, haproxy and localhost are among them
#
# Into TLS_DIR, of the environment or of ENV_FILE (deploy/secrets/tls). The CA is made once, the certificate each time; it holds for 90 days. Where HAProxy and Mosquitto
# run, take-tls.sh has them take it.
set -eu

. "$(dirname "$0")/variables.sh"
variables TLS_DIR
dir="${TLS_DIR:-$(dirname "$0")/../secrets/tls}"
mkdir -p "$dir"
chmod 0700 "$dir"
cd "$dir"
if [ ! -s ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Switchyard development CA' \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout ca.key -out ca.pem 2>/dev/null
  chmod 0400 ca.key
fi
names='DNS:localhost,DNS:haproxy,DNS:mosquitto,IP:127.0.0.1'
for name in "$@"; do
  case "$name" in
    *[!0-9.]*) names="$names,DNS:$name" ;;
    *) names="$names,IP:$name" ;;
  esac
done
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$names" >extensions
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=${1:-localhost}" -keyout key.new -out request 2>/dev/null
openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -extfile extensions -out certificate.new 2>/dev/null
cat certificate.new key.new >haproxy.new
for file in certificate key haproxy; do
  # Into the file that is there: a mount shows that one, not what is moved into its place.
  [ ! -e "$file.pem" ] || chmod 0644 "$file.pem"
  cat "$file.new" >"$file.pem"
  # Read through mounts by programs under other user ids; the folder is closed.
  chmod 0444 "$file.pem"
  rm -f "$file.new"
done
chmod 0444 ca.pem
rm -f request extensions
echo "$dir: certificate for $names"
