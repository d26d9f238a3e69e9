#!/bin/bash
# What the official image's start script does for docker-compose.yml: the password of the file, then the server.
set -euo pipefail
readonly home=/var/lib/neo4j
export NEO4J_HOME=$home NEO4J_CONF=$home/conf
cat >"$home/conf/neo4j.conf" <<CONF
server.default_listen_address=0.0.0.0
server.directories.data=/data
server.directories.logs=/logs
server.http.enabled=false
dbms.usage_report.enabled=$NEO4J_dbms_usage__report_enabled
server.memory.pagecache.size=$NEO4J_server_memory_pagecache_size
CONF
auth=$(cat "$NEO4J_AUTH_FILE")
/opt/java/bin/java -cp "$home/lib/*" org.neo4j.cli.AdminTool dbms set-initial-password "${auth#neo4j/}" >/dev/null || true
exec /opt/java/bin/java "-Xmx$NEO4J_server_memory_heap_max__size" -XX:+UseSerialGC \
    -Dio.netty.tryReflectionSetAccessible=true --add-opens=java.base/java.nio=ALL-UNNAMED \
    --add-opens=java.base/java.io=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED \
    -cp "$home/lib/*" org.neo4j.server.CommunityEntryPoint --home-dir="$home" --config-dir="$home/conf"
