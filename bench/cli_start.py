"""How long `roadcrew --help` takes, counted in bare interpreter starts; `devctl ls` and `exec`, in Docker's own.

    .venv/bin/python -m bench.cli_start [ROUNDS] [--docker IMAGE]

With an image, `devctl ls` and `devctl exec` of a kept environment are held against `docker ps` and `docker exec`. All programs
are started in turn, so that a busy moment of the machine meets both alike.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from local import open_workspace, stop

ROUNDS = 30
BARE = [sys.executable, "-c", "pass"]
HELP = [sys.executable, "-c", "import sys; from roadcrew.cli import main; sys.exit(main(['--help']))"]
"""What the installed program runs."""


def seconds(command: list[str]) -> float:
    """Return the wall-clock seconds of one successful start."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - started


def compare(name: str, ours: list[str], bare: list[str], rounds: int) -> None:
    """Print the median of the pairs' ratios of one program to another."""
    pairs = [(seconds(ours), seconds(bare)) for _ in range(rounds)]
    mine, theirs = (statistics.median(pair[side] for pair in pairs) * 1000 for side in (0, 1))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"{name:18}  {mine:6.1f} ms   {' '.join(bare[:2])} {theirs:6.1f} ms   ratio {ratio:.2f}   ({rounds} rounds)")


def devctl_commands(image: str, rounds: int) -> None:
    """Measure `devctl ls` and `devctl exec` with one kept environment."""
    with tempfile.TemporaryDirectory(prefix="cs", dir="/tmp") as folder:
        devctl = [sys.executable, "-m", "devctl.cli", "--folder", folder, "--backend", "docker"]
        subprocess.run([*devctl, "up", image, "--name", "one"], check=True, stdout=subprocess.DEVNULL, timeout=300)
        try:
            asked = [*devctl, "inspect", "one", "--json"]
            done = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60)
            container = json.loads(done.stdout)["data"]["container"]
            compare("devctl ls", [*devctl, "ls"], ["docker", "ps"], rounds)
            inside = ["docker", "exec", container, "true"]
            compare("devctl exec", [*devctl, "exec", "one", "true"], inside, rounds)
        finally:
            subprocess.run([*devctl, "rm", "one"], check=True, stdout=subprocess.DEVNULL, timeout=300)
            stop(open_workspace(Path(folder) / "state"))


def main() -> None:
    """Print the least and the median time of both, and how many bare starts the help costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    parser.add_argument("--docker", metavar="IMAGE")
    given = parser.parse_args()
    rounds: int = given.rounds
    pairs = [(seconds(BARE), seconds(HELP)) for _ in range(rounds)]
    bare, shown = ([pair[side] for pair in pairs] for side in (0, 1))
    for name, times in (("bare interpreter", bare), ("roadcrew --help", shown)):
        print(f"{name:18}  min {min(times) * 1000:6.1f} ms   median {statistics.median(times) * 1000:6.1f} ms")
    by_min = min(shown) / min(bare)
    by_median = statistics.median(shown) / statistics.median(bare)
    print(f"ratio               min {by_min:6.2f}      median {by_median:6.2f}   ({rounds} rounds, aim 5)")
    if given.docker:
        devctl_commands(given.docker, rounds)


if __name__ == "__main__":
    main()
