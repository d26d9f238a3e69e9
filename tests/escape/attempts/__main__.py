"""Run one attempt by its name and say in JSON how it went."""

import json
import sys
from importlib import import_module

from tests.escape.attempts.attempt import ATTEMPTS, Host, Stopped

AREAS = ("files", "kernel", "namespaces", "network", "processes", "resources")


def load() -> None:
    """Have all attempts register."""
    for area in AREAS:
        import_module(f"tests.escape.attempts.{area}")


def main(name: str, facts: str) -> None:
    """Run the attempt; a fault of its own is a traceback, and no answer."""
    load()
    try:
        got, stopped = ATTEMPTS[name].run(Host(**json.loads(facts))), ""
    except (OSError, Stopped, MemoryError) as error:
        got, stopped = "", f"{type(error).__name__}: {error}"
    sys.stdout.write("\n" + json.dumps({"got": got, "stopped": stopped}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
