"""How long `roadcrew --help` takes, counted in bare interpreter starts.

    .venv/bin/python -m bench.cli_start [ROUNDS]

Both programs are started in turn, so that a busy moment of the machine meets both alike.
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 30
BARE = [sys.executable, "-c", "pass"]
HELP = [sys.executable, "-c", "import sys; from roadcrew.cli import main; sys.exit(main(['--help']))"]
"""What the installed program runs."""


def seconds(command: list[str]) -> float:
    """Return the wall-clock seconds of one successful start."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - started


def main() -> None:
    """Print the least and the median time of both, and how many bare starts the help costs."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    pairs = [(seconds(BARE), seconds(HELP)) for _ in range(rounds)]
    bare, shown = ([pair[side] for pair in pairs] for side in (0, 1))
    for name, times in (("bare interpreter", bare), ("roadcrew --help", shown)):
        print(f"{name:18}  min {min(times) * 1000:6.1f} ms   median {statistics.median(times) * 1000:6.1f} ms")
    by_min = min(shown) / min(bare)
    by_median = statistics.median(shown) / statistics.median(bare)
    print(f"ratio               min {by_min:6.2f}      median {by_median:6.2f}   ({rounds} rounds, aim 5)")


if __name__ == "__main__":
    main()
