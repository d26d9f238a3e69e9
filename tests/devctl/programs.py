"""The program as people start it: its variables on a machine, and `devctl serve` as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.devctl.fleets import IMAGE
from tests.devctl.machines import remove_laid_out

ROOT = Path(__file__).parents[2]


class Served(NamedTuple):
    """A service that runs."""

    url: str
    token: str
    """Of an admin of the tier `owner` called ada, as the machine's own person is."""
    caller: dict[str, str]
    """Variables of somebody on another machine: nothing but the service is known there."""


def machine_variables(folder: Path, database: str, backend: str) -> dict[str, str]:
    """Variables of a machine: its own folder, the tests' database."""
    return {
        "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "DEVCTL_FOLDER": str(folder / "d"),
        "DEVCTL_DATABASE_URL": database, "DEVCTL_BACKEND": backend, "DEVCTL_IMAGE": IMAGE or "none", "COLUMNS": "100",
        "DEVCTL_USER": "ada",
    }  # fmt: skip


@contextmanager
def served(variables: dict[str, str], folder: Path, *options: str) -> Iterator[Served]:
    """Run `devctl serve` on a machine as long as the block runs."""
    file, log = folder / "token", folder / "serve.log"
    argv = [sys.executable, "-m", "devctl.cli", "serve", "--listen", "127.0.0.1:0", "--token-file", str(file), "--json"]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*argv, *options], stdout=subprocess.PIPE, stderr=errors, cwd=ROOT, env=variables, text=True
        )
        try:
            lines: list[str] = []
            assert process.stdout is not None
            while not lines or lines[-1] not in ("}\n", ""):
                lines.append(process.stdout.readline())
            assert lines[-1], log.read_text()
            url = json.loads("".join(lines))["data"]["url"]
            caller = {name: variables[name] for name in ("PATH", "HOME", "PYTHONPATH", "COLUMNS")}
            caller |= {"DEVCTL_URL": url, "DEVCTL_TOKEN_FILE": str(file), "DEVCTL_FOLDER": str(folder / "c")}
            yield Served(url, file.read_text().strip(), caller)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            remove_laid_out(Path(variables["DEVCTL_FOLDER"]))
