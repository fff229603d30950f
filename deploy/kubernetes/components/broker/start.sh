#!/bin/sh
# Starts Mosquitto in a container: makes its administrator at the first start, and names the plugin where this image has it.
set -eu

sh /switchyard/init.sh /mosquitto/data/dynamic-security.json
for plugin in /usr/lib/mosquitto_dynamic_security.so /usr/lib/*/mosquitto_dynamic_security.so; do
  [ -e "$plugin" ] && break
done
[ -e "$plugin" ] || { echo "mosquitto_dynamic_security.so is not in this image" >&2; exit 1; }
sed "s#^plugin .*#plugin $plugin#" "${MOSQUITTO_CONF:-/switchyard/mosquitto.conf}" >/tmp/mosquitto.conf
[ ! -e /switchyard/mosquitto-tls.conf ] || cat /switchyard/mosquitto-tls.conf >>/tmp/mosquitto.conf
exec mosquitto -c /tmp/mosquitto.conf
