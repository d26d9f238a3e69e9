"""How much a warm cache in a registry saves a builder that has built nothing yet.

    DOCKER=1 ROADCREW_TEST_BUILDX=… ROADCREW_TEST_BUILDKITD=… ROADCREW_TEST_REGISTRY=… \\
        .venv/bin/python -m bench.build_cache

`scripts/ci-services` offers the three. Two BuildKits with nothing in them are started, one after the other: the first
builds cold and writes the cache, the second has the cache alone. The image is of the kind that people build: a base,
tools put in, something compiled, the sources last. Exits with 1 when less than 80% of the time is saved.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devctl import DevctlSettings
from devctl.builder import BuildOptions, BuiltImage, open_builder
from devctl.sources.records import BuildPlan

GOAL = 0.80
DOCKERFILE = """FROM {base}
ARG UNIQUE
RUN python3 -c "import hashlib; d = b'x'; [d := hashlib.sha256(d).digest() for _ in range(12_000_000)]" && echo $UNIQUE > /a
RUN python3 -m compileall -q -f -j 1 /usr/lib/python3* && python3 -m compileall -q -f -o 2 /usr/lib/python3* && echo $UNIQUE > /b
COPY src /src
RUN python3 -m compileall -q /src
"""


@contextmanager
def buildkit(folder: Path) -> Iterator[str]:
    """A BuildKit that has built nothing; yields its address."""
    registry, address = os.environ["ROADCREW_TEST_REGISTRY"], f"unix://{folder}/s"
    folder.mkdir()
    (folder / "c").write_text(
        f'root = "{folder}/r"\n[grpc]\n  address = ["{address}"]\n[worker.oci]\n  networkMode = "host"\n'
        f'[worker.containerd]\n  enabled = false\n[registry."{registry}"]\n  http = true\n'
    )
    words = [os.environ["ROADCREW_TEST_BUILDKITD"], "--config", str(folder / "c")]
    with (folder / "log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as server:
        try:
            for _ in range(300):
                if (folder / "s").is_socket():
                    break
                time.sleep(0.1)
            yield address
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
            shutil.rmtree(folder, ignore_errors=True)


def build(folder: Path, address: str, plan: BuildPlan) -> tuple[float, BuiltImage]:
    """Build with a BuildKit, and forget the image again."""
    settings = DevctlSettings.from_environment(
        folder=folder, buildkit=address, buildx=os.environ["ROADCREW_TEST_BUILDX"],
        build_cache=f"{os.environ['ROADCREW_TEST_REGISTRY']}/bench-cache",
    )  # fmt: skip
    with open_builder(settings) as builder:
        begin = time.perf_counter()
        built = builder.build(plan, None, BuildOptions())
        seconds = time.perf_counter() - begin
        builder.remove(built.tag, force=True)
    return seconds, built


def base_image() -> str:
    """The CI's base image, in the registry: BuildKit sees nothing of the engine."""
    base = f"{os.environ['ROADCREW_TEST_REGISTRY']}/base:1"
    for words in (["tag", os.environ["ROADCREW_TEST_IMAGE"], base], ["push", "-q", base], ["rmi", base]):
        subprocess.run(["docker", *words], check=True, capture_output=True)
    return base


def main() -> int:
    """Build cold, then with the cache alone."""
    missing = [
        name for name in ("BUILDX", "BUILDKITD", "REGISTRY", "IMAGE") if not os.environ.get(f"ROADCREW_TEST_{name}")
    ]
    if missing:
        print(f"not run: {', '.join(missing)} of ROADCREW_TEST_* not set; scripts/ci-services offers them")
        return 0
    with tempfile.TemporaryDirectory(prefix="bc", dir="/tmp") as name:  # noqa: S108 - sockets need short paths
        folder = Path(name)
        context = folder / "c"
        (context / "src").mkdir(parents=True)
        for number in range(50):
            (context / f"src/m{number}.py").write_text(f"VALUE = {number}\n" * 50)
        (context / "Dockerfile").write_text(DOCKERFILE.format(base=base_image()))
        plan = BuildPlan(context=context, dockerfile=context / "Dockerfile", args={"UNIQUE": uuid.uuid4().hex})
        with buildkit(folder / "1") as address:
            cold, _ = build(folder / "d1", address, plan)
        with buildkit(folder / "2") as address:
            warm, built = build(folder / "d2", address, plan)
    saved = 1 - warm / cold
    print(f"cold {cold:.1f} s, on a builder that has the registry's cache alone {warm:.1f} s: {saved:.0%} saved")
    print(
        f"{built.cached_steps} of {built.steps} steps from the cache; goal {GOAL:.0%}: {'met' if saved >= GOAL else 'MISSED'}"
    )
    return 0 if saved >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
