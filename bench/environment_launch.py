"""How long environments take, as ratios to the bare tool below them.

    .venv/bin/python -m bench.environment_launch [--docker IMAGE]

bubblewrap is compared with one bare `bwrap` call,
Docker with one `docker run --rm --network none`. A ratio says what devctl adds; it travels between machines.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from devctl import DevctlSettings, Launcher, LaunchRequest, open_launcher
from devctl.sandbox import bwrap_path

RUNS = 20
BARE = (
    *("--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--ro-bind", "/usr", "/usr"),
    *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
    *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chdir", "/", "/bin/true"),  # noqa: S108 - inside
)


def median_ms(action: Callable[[], object], runs: int = RUNS) -> float:
    """The median time of an action in milliseconds, after one run to warm up."""
    action()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        action()
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def measure(launcher: Launcher, bare: list[str], runs: int) -> None:
    """Print launch, command and both together, as milliseconds and as ratios to the bare tool."""

    def once() -> None:
        with launcher.launch(LaunchRequest()) as environment:
            environment.exec(["true"])

    reference = median_ms(lambda: subprocess.run(bare, check=True, capture_output=True), runs)
    print(f"{launcher.backend}: bare {' '.join(bare[:2])}: {reference:.1f} ms")
    with launcher.launch(LaunchRequest()) as environment:
        command = median_ms(lambda: environment.exec(["true"]), runs)
    whole = median_ms(once, runs)
    for name, figure in (("one more command", command), ("launch, one command, stop", whole)):
        print(f"  {name}: {figure:.1f} ms, {figure / reference:.2f} x bare")


def main() -> None:
    """Measure the backends that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docker", metavar="IMAGE", help="measure Docker too, with this image")
    image = parser.parse_args().docker
    with tempfile.TemporaryDirectory() as folder:
        settings = DevctlSettings.from_environment(folder=Path(folder), backend="bubblewrap", docker_image=image)
        measure(open_launcher(settings, None), [str(bwrap_path()), *BARE], RUNS)
        if image:
            run = ["docker", "run", "--rm", "--network", "none", image, "true"]
            on_docker = settings.model_copy(update={"backend": "docker"})
            measure(open_launcher(on_docker, None), run, RUNS // 2)


if __name__ == "__main__":
    main()
