#!/bin/sh
# Starts PgBouncer in a container: its one account is that of the database, out of the same secret.
set -eu
umask 077
printf '"switchyard" "%s"\n' "$(cat /run/secrets/postgres_password)" >/tmp/userlist.txt
exec pgbouncer /switchyard/pgbouncer.ini
