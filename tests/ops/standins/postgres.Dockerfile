# Stands in for the postgres image where no registry is reached: the distribution's own server.
ARG BASE
FROM ${BASE}
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid postgres --no-create-home postgres && \
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql && \
    ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ 2>/dev/null; \
    install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data && postgres --version
COPY postgres.sh /start
VOLUME /var/lib/postgresql/data
CMD ["/start"]
