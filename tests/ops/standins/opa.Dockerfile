# Stands in for the openpolicyagent/opa image where no registry is reached: the same program at the same place.
ARG BASE
FROM ${BASE}
COPY opa.program /opa
ENTRYPOINT ["/opa"]
