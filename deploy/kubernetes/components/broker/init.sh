#!/bin/sh
# Makes the state of Mosquitto's dynamic-security plugin, once, before the broker's first start:
#
#   MQTT_ADMIN_PASSWORD_FILE=/run/secrets/mqtt_admin ./init.sh /mosquitto/data/dynamic-security.json
#
# It holds one account, the administrator's (MQTT_ADMIN_USERNAME, `switchyard-admin` when not given). site-gateway, started
# with the same two values and its own MQTT_PASSWORD, does the rest: it closes the defaults, makes its own account and one
# per site. An existing file is left as it is, for it holds the sites' secrets and cannot be made again.
set -eu

file="${1:?usage: init.sh <dynamic-security.json>}"
user="${MQTT_ADMIN_USERNAME:-switchyard-admin}"

if [ -e "$file" ]; then
  echo "$file is there already; nothing to do"
  exit 0
fi
if [ -n "${MQTT_ADMIN_PASSWORD_FILE:-}" ]; then
  password="$(cat "$MQTT_ADMIN_PASSWORD_FILE")"
else
  password="${MQTT_ADMIN_PASSWORD:?MQTT_ADMIN_PASSWORD or MQTT_ADMIN_PASSWORD_FILE is needed}"
fi
if ! command -v mosquitto_ctrl >/dev/null; then
  echo "mosquitto_ctrl is missing; it comes with Mosquitto 2 (Debian: package mosquitto)" >&2
  exit 1
fi

umask 077
mkdir -p "$(dirname "$file")"
mosquitto_ctrl dynsec init "$file" "$user" "$password" >/dev/null
# The broker writes the file again at every change; as root it drops to its own user first.
if [ "$(id -u)" = 0 ] && id mosquitto >/dev/null 2>&1; then chown mosquitto: "$file"; fi
echo "$file made, with the administrator $user"
