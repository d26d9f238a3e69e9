"""How long devctl's launches take, as ratios to the bare tool that does the same, both in turn in one run.

    .venv/bin/python -m bench.devctl_launch --docker IMAGE [--runs 15] [--launches 100]

A busy moment meets both of a pair alike, so each ratio is the median of the pairs' ratios.

warm: a container of the pool claimed and a command run in it, against `docker exec` in one that runs.
cold: `launch`, against `docker run --detach` with the same limits, and against the bare API. bubblewrap: launch, a
command, stop, against one bare `bwrap`. many: launches at once, against the bare API with as many threads.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker

from bench.environment_launch import BARE
from devctl import DevctlSettings, Environment, Launcher, LaunchRequest, Limits, open_launcher
from devctl.docker_backend import DockerBackend
from devctl.docker_engine import Engine
from devctl.fleet.database import open_database
from devctl.pool.opening import SandboxPool
from devctl.pool.records import PoolRules
from devctl.sandbox import bwrap_path
from devctl.store import Store

LIMITS = Limits(cpus=1, memory_mb=256, pids=64, disk_mb=64)
THREADS = 8
LABEL = f"devctl-bench={uuid.uuid4().hex[:8]}"
OPTIONS = (
    *("--network", "none", "--init", "--memory", "256m", "--memory-swap", "256m", "--pids-limit", "64", "--cpus", "1"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--label", LABEL, "--entrypoint", "sleep"),
)


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def report(name: str, ours: list[float], bare: list[float], limit: float) -> None:
    """Print the median of the pairs' ratios, and how far our slow ones are from our ordinary ones."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    slow = sorted(ours)[int(len(ours) * 0.99)] / statistics.median(ours)
    words = f"{1000 * statistics.median(ours):7.1f} ms, bare {1000 * statistics.median(bare):7.1f} ms"
    print(f"{name:34} {words}: {ratio:.2f} x (at most {limit}), p99/p50 {slow:.2f}, {len(ours)} runs")


def report_share(name: str, times: list[float], limit: float) -> None:
    """Print how many of all were quick enough."""
    share = 100 * sum(one < limit for one in times) / len(times)
    print(
        f"{name:34} {share:.1f}% under {limit:.0f} s (at least 95%), the slowest {max(times):.2f} s, {len(times)} runs"
    )


def docker_cli(*arguments: str) -> str:
    """Run Docker's own client."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def warm(settings: DevctlSettings, image: str, runs: int) -> None:
    """Claims from a full pool that nobody refills meanwhile, in turn with `docker exec`."""
    backend = DockerBackend(settings, Store(settings.folder))
    launcher = Launcher(backend, None)
    database = open_database(settings)
    rules = PoolRules(total=runs + 1, maximum=runs + 1, at_once=4)
    pool = SandboxPool(database, backend._engine, Store(settings.folder), rules)
    shape = pool.shape(LaunchRequest(limits=LIMITS), image, backend._engine.ensure_image(image), "none")
    pool.warm.stock.know(pool.warm.host, shape, minimum=runs + 1)
    pool.warm.refill()
    backend._pool = pool
    reference = docker_cli("run", "--detach", *OPTIONS, image, "infinity")
    ours: list[float] = []
    bare: list[float] = []
    made: list[Environment] = []

    def once() -> None:
        made.append(launcher.launch(LaunchRequest(image=image, limits=LIMITS)))
        made[-1].exec(["true"])

    try:
        for _ in range(runs + 1):
            bare.append(seconds(lambda: docker_cli("exec", reference, "true")))
            ours.append(seconds(once))
        if any(line.hits < runs for line in pool.warm.stock.wanted(rules)):
            print("  some of these were cold: the pool did not hold")
        report("warm claim and a command", ours[1:], bare[1:], 1.25)
        report_share("warm launches", ours, 2)
    finally:
        docker_cli("rm", "--force", reference)
        for environment in made:
            environment.stop()
        pool.warm.drain()
        database.close()


def cold(launcher: Launcher, image: str, runs: int) -> None:
    """Launches, in turn with `docker run --detach`, and whole lives in turn with `docker run --rm`."""
    ours, bare, lives, whole = [], [], [], []
    for _ in range(runs):
        started: list[str] = []
        bare.append(seconds(lambda: started.append(docker_cli("run", "--detach", *OPTIONS, image, "infinity"))))  # noqa: B023 - called at once
        made: list[Environment] = []
        ours.append(seconds(lambda: made.append(launcher.launch(LaunchRequest(image=image, limits=LIMITS)))))  # noqa: B023 - called at once
        docker_cli("rm", "--force", started[0])
        made[0].stop()
        whole.append(seconds(lambda: docker_cli("run", "--rm", *OPTIONS, image, "0")))
        lives.append(seconds(lambda: life(launcher, image)))
    report("cold launch", ours, bare, 1.10)
    report_share("cold launches", ours, 5)
    report("cold launch, a command, stop", lives, whole, float("inf"))


def life(launcher: Launcher, image: str | None) -> None:
    """Launch, run one command, stop."""
    with launcher.launch(LaunchRequest(image=image, limits=LIMITS)) as environment:
        environment.exec(["true"])


def bubblewrap(settings: DevctlSettings, runs: int) -> None:
    """Whole lives under bubblewrap, in turn with a bare call."""
    launcher = open_launcher(settings.model_copy(update={"backend": "bubblewrap"}), None)
    call = [str(bwrap_path()), *BARE]
    ours, bare, commands = [], [], []
    with launcher.launch(LaunchRequest(limits=LIMITS)) as environment:
        for _ in range(2):
            environment.exec(["true"])  # a sandbox is laid out ahead for the third command and all after it
        for _ in range(runs):
            bare.append(seconds(lambda: subprocess.run(call, check=True, capture_output=True)))
            ours.append(seconds(lambda: life(launcher, None)))
            commands.append(seconds(lambda: environment.exec(["true"])))
    report("bubblewrap: launch, command, stop", ours, bare, 3.0)
    report("bubblewrap: one more command", commands, bare, 3.0)


def many(launcher: Launcher, client: docker.APIClient, image: str, launches: int) -> None:
    """As many launches by several threads as bare calls of the API, in turn a few at a time, with pauses for removal."""
    part, pairs, times, bare_times = THREADS * 2, [], list[float](), list[float]()
    config = client.create_host_config(
        init=True, network_mode="none", mem_limit="256m", memswap_limit="256m", pids_limit=64, nano_cpus=10**9,
        cap_drop=["ALL"], security_opt=["no-new-privileges"],
    )  # fmt: skip

    def raw(_: int) -> str:
        name, value = LABEL.split("=")
        begin = time.perf_counter()
        made = client.create_container(
            image, entrypoint=["sleep"], command=["infinity"], host_config=config, labels={name: value}
        )["Id"]
        client.start(made)
        bare_times.append(time.perf_counter() - begin)
        return str(made)

    def ours(_: int) -> Environment:
        begin = time.perf_counter()
        made = launcher.launch(LaunchRequest(image=image, limits=LIMITS))
        times.append(time.perf_counter() - begin)
        return made

    with ThreadPoolExecutor(THREADS) as threads:
        for begun in range(0, launches, part):
            count = range(min(part, launches - begun))
            begin = time.perf_counter()
            containers = list(threads.map(raw, count))
            bare = time.perf_counter() - begin
            list(threads.map(lambda one: client.remove_container(one, force=True), containers))
            begin = time.perf_counter()
            made = list(threads.map(ours, count))
            pairs.append((time.perf_counter() - begin, bare))
            list(threads.map(lambda one: one.stop(), made))
    name = f"{launches} launches by {THREADS} threads"
    whole, bare_whole = (sum(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    print(
        f"{name:34} {whole:.1f} s, bare {bare_whole:.1f} s: {ratio:.2f} x, in sum {whole / bare_whole:.2f} (at most 1.15)"
    )
    report_share(name, times, 5)
    report_share("the same with the bare API", bare_times, 5)


def main() -> None:
    """Measure all of it on one machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docker", metavar="IMAGE", required=True)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--launches", type=int, default=100)
    parser.add_argument("--only", choices=["warm", "cold", "bubblewrap", "many"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="db", dir="/tmp") as folder:
        settings = DevctlSettings.from_environment(folder=Path(folder), backend="docker", docker_image=given.docker)
        launcher = open_launcher(settings, None)
        client = docker.APIClient(timeout=120)
        try:
            if given.only in (None, "bubblewrap"):
                bubblewrap(settings, given.runs)
            if given.only in (None, "warm"):
                warm(settings, given.docker, given.runs)
            if given.only in (None, "cold"):
                cold(launcher, given.docker, given.runs)
            if given.only in (None, "many"):
                many(launcher, client, given.docker, given.launches)
        finally:
            launcher.stop_all()
            Engine(settings).prune_laid_out()
            client.close()
            from local import open_workspace, stop

            stop(open_workspace(settings.folder / "state"))


if __name__ == "__main__":
    main()
