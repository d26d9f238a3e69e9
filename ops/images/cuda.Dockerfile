# An environment for work on NVIDIA GPUs: `devctl build --flavour cuda`. The driver comes from the host; the CUDA version
# must not be newer than it allows (`nvidia-smi` says which). `--arg CUDA=12.4.1-devel` has the compilers, too.
ARG CUDA=12.8.1-runtime
FROM nvidia/cuda:${CUDA}-ubuntu24.04

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        git \
        python3 \
        python3-pip \
        python3-venv \
    && rm -rf /var/lib/apt/lists/*

ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
LABEL devctl.flavour=cuda
RUN useradd --create-home --shell /bin/bash dev && mkdir -p /work && chown dev: /work
USER dev
WORKDIR /work
CMD ["sleep", "infinity"]
