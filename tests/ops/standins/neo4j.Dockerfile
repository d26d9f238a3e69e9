# Stands in for neo4j:5.26-community where no registry is reached: the same server, from its published artifacts,
# which compose.yml mounts.
ARG BASE
FROM ${BASE}
RUN groupadd --gid 7474 neo4j && useradd --uid 7474 --gid neo4j --no-create-home neo4j && \
    install -d -o neo4j -g neo4j /data /logs /var/lib/neo4j/conf /var/lib/neo4j/plugins /var/lib/neo4j/import
COPY java /opt/java
COPY neo4j.sh /start
CMD ["/start"]
