# The image of the api and the workers: Roadcrew and devctl, with the locked and hashed dependencies.
#
#   docker build -f ops/roadcrew.Dockerfile -t roadcrew:local .
#
# A Debian or Ubuntu with Python 3.11 or later can take the place of BASE. Environments under bubblewrap use the
# toolchains of this image, so a team that works on Go or Node builds an image of its own FROM this one.
ARG BASE=debian:12.11-slim

FROM ${BASE} AS base
ENV LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN command -v git && python3 -c 'import ensurepip, venv' || { \
        apt-get update && \
        apt-get install -y --no-install-recommends ca-certificates git python3 python3-venv && \
        rm -rf /var/lib/apt/lists/*; }

FROM base AS build
WORKDIR /opt/roadcrew
COPY scripts/bootstrap scripts/bootstrap
COPY requirements.txt requirements-dev.txt ./
RUN scripts/bootstrap && rm -rf /root/.cache
COPY . .
RUN .venv/bin/python -m compileall -q -j 0 . && chmod -R a+rX,go-w .

FROM base AS roadcrew
RUN useradd --uid 10001 --user-group --no-log-init --create-home --home-dir /home/roadcrew roadcrew && \
    install -d -o roadcrew -g roadcrew -m 0700 /var/lib/roadcrew /var/lib/roadcrew-artifacts
COPY --from=build /opt/roadcrew /opt/roadcrew
ENV PATH=/opt/roadcrew/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    ROADCREW_WORKSPACE=/var/lib/roadcrew \
    ROADCREW_ARTIFACTS=file:///var/lib/roadcrew-artifacts
USER 10001:10001
WORKDIR /home/roadcrew
CMD ["roadcrew", "--help"]
