"""A program that launches an environment and is killed when a launch has come so far.

Usage: launcher_that_dies.py BACKEND FOLDER DATABASE IMAGE NAME TREE STEP
"""

import os
import signal
import sys
from pathlib import Path

from devctl.fleet import open_fleet
from devctl.fleet.records import EnvironmentSpec, KeptLimits, User
from devctl.settings import DevctlSettings


def main() -> None:
    """Launch, and die when the progress says the step."""
    backend, folder, database, image, name, tree, step = sys.argv[1:]

    def told(words: str) -> None:
        if words.startswith(step):
            os.kill(os.getpid(), signal.SIGKILL)

    settings = DevctlSettings.from_environment(folder=Path(folder), backend=backend, database_url=database)
    limits = KeptLimits(cpus=1, memory_mb=128, pids=64, disk_mb=64)
    with open_fleet(settings, None) as fleet:
        fleet.up(User(name="ada"), EnvironmentSpec(name=name, image=image, limits=limits), Path(tree), told)


if __name__ == "__main__":
    main()
