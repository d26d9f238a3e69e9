# An environment for Node: `devctl build --flavour node`, `--arg NODE=20` for another version.
ARG NODE=22
FROM node:${NODE}-bookworm-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        git \
        python3 \
    && rm -rf /var/lib/apt/lists/*

LABEL devctl.flavour=node
RUN mkdir -p /work && chown node: /work
USER node
WORKDIR /work
CMD ["sleep", "infinity"]
