#!/bin/bash
# What the official image's start script does for docker-compose.yml: user, password and database of a new cluster.
set -euo pipefail
readonly data=/var/lib/postgresql/data
if [ ! -f "$data/PG_VERSION" ]; then
    initdb --pgdata "$data" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" --auth scram-sha-256 \
        "$POSTGRES_INITDB_ARGS"
    printf 'host all all all scram-sha-256\n' >>"$data/pg_hba.conf"
    printf 'CREATE DATABASE "%s";\n' "$POSTGRES_DB" | postgres --single -D "$data" postgres
fi
exec postgres -D "$data" -c 'listen_addresses=*'
