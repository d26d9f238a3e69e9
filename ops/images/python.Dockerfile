# An environment for Python: `devctl build --flavour python`, `--arg PYTHON=3.12` for another version.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        build-essential \
        ca-certificates \
        git \
    && rm -rf /var/lib/apt/lists/*

LABEL devctl.flavour=python
RUN useradd --create-home --shell /bin/bash dev && mkdir -p /work && chown dev: /work
USER dev
WORKDIR /work
CMD ["sleep", "infinity"]
