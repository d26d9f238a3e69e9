"""Kill the worker with SIGKILL at each journal row of the demo's library act in turn, and take the run up again.

    .venv/bin/python -m bench.crash [--every N] [--from ROW] [--to ROW]

After each: the same final graph (ids and times aside), one branch, one kick-off comment, one pull request, no
journaled call repeated, at most one lost. Prints a line for each row and exits with 1 when one differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.replayed import Outcome, ReplayedDelivery

SECONDS = 240.0
MOST_LOST = 1


class Crash(NamedTuple):
    """What a delivery left whose worker was killed."""

    outcome: Outcome
    repeated: tuple[str, ...]
    """Calls that were in the journal when the worker died and were asked again all the same."""


def undisturbed(folder: Path, environments: Path) -> tuple[Outcome, int]:
    """Return what an undisturbed delivery leaves, and how many journal rows it writes."""
    with ReplayedDelivery(folder, environments) as delivery:
        delivery.start()
        delivery.worker()
        delivery.wait(SECONDS)
        return delivery.outcome(), delivery.rows()


def crashed_at(row: int, folder: Path, environments: Path) -> Crash:
    """Return what a delivery leaves whose worker was killed at a journal row and replaced by another."""
    with ReplayedDelivery(folder, environments) as delivery:
        delivery.start()
        worker = delivery.worker()
        journaled: set[str] = set()
        if not delivery.wait(SECONDS, lambda: delivery.rows() >= row):
            delivery.kill(worker)
            journaled = delivery.journaled()
            delivery.worker()
            delivery.wait(SECONDS)
        served = delivery.served()
        return Crash(delivery.outcome(), tuple(sorted(call for call in journaled if served.get(call, 0) > 1)))


def differences(expected: Outcome, crash: Crash) -> list[str]:
    """Return what a crash changed that it must not change."""
    problems = [
        f"{name}: {getattr(crash.outcome, name)!r}, not {getattr(expected, name)!r}"
        for name in ("graph", "branches", "kickoff_comments", "pull_requests", "tree", "feature_commits")
        if getattr(crash.outcome, name) != getattr(expected, name)
    ]
    if crash.repeated:
        problems.append(f"journaled calls were repeated: {', '.join(crash.repeated)}")
    if crash.outcome.lost_calls > MOST_LOST:
        problems.append(f"{crash.outcome.lost_calls} model calls were lost")
    return problems


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--every", type=int, default=1, help="kill at every Nth row")
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadcrew-crash-", dir="/tmp") as place:  # noqa: S108 - socket paths must be short
        root = Path(place)
        expected, rows = undisturbed(root / "reference", root / "environments")
        print(f"undisturbed: {rows} journal rows, {len(expected.graph)} tasks")
        bad = 0
        for row in range(options.first, (options.last or rows) + 1, options.every):
            problems = differences(expected, crashed_at(row, root / f"r{row}", root / "environments"))
            bad += bool(problems)
            print(f"row {row}: {'; '.join(problems) or 'as undisturbed'}", flush=True)
    print(f"{bad} of the crashes changed the outcome")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
