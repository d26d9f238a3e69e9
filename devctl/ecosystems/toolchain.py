"""The programs of an ecosystem on this host: where they really lie, and what an environment sees of them."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from devctl.capture import Job, run
from devctl.errors import PreparationFailed
from devctl.records import Toolchain
from devctl.settings import DevctlSettings

_SYSTEM = (Path("/usr"), Path("/nix/store"), Path("/gnu/store"))


class ToolchainMissing(PreparationFailed):
    """A program is not on this host, or not in the image; other ecosystems of the tree may do without."""


class Host:
    """The programs on this host's search path."""

    def __init__(self, settings: DevctlSettings) -> None:
        self._settings = settings
        self._answers: dict[tuple[str, ...], str] = {}

    def find(self, name: str, why: str, how: str) -> Path:
        """Find a program; raises ToolchainMissing, saying what it is for and how to get it."""
        found = shutil.which(name, path=self._settings.search_path)
        if found is None:
            raise missing(name, why, how)
        return Path(found)

    def look(self, name: str) -> Path | None:
        """Find a program that one can do without."""
        found = shutil.which(name, path=self._settings.search_path)
        return Path(found) if found else None

    def ask(self, *argv: str) -> str:
        """What a program of this host says of itself, outside any project; raises ToolchainMissing."""
        if argv not in self._answers:
            env = {"PATH": self._settings.search_path, "LANG": "C.UTF-8", **self._settings.toolchain_env}
            finished = run(Job(argv=argv, env=env, cwd=Path("/"), seconds=60))
            if finished.exit_code != 0:
                raise ToolchainMissing(
                    f"{argv[0]} does not work: {' '.join(argv)} ended with {finished.exit_code}",
                    log=finished.text[-2000:],
                    hint=f"mend it, or take another {Path(argv[0]).name} onto PATH",
                )
            self._answers[argv] = re.sub(r"\x1b\[[0-9;]*m", "", finished.text).strip()
        return self._answers[argv]


def missing(name: str, why: str, how: str) -> ToolchainMissing:
    """The error of a program that is nowhere."""
    return ToolchainMissing(f"the program {name!r} is not on PATH, and {why}", log="", hint=how)


def bound(
    programs: dict[str, Path], roots: Sequence[Path], version: str, env: dict[str, str] | None = None
) -> Toolchain:
    """Describe a toolchain: programs by name, and the folders or files they need of this host.

    What lies in the system's own folders is seen anyway. A folder that holds more than a toolchain is refused.
    """
    binds = []
    for root in roots:
        real = root.resolve()
        if any(real == system or system in real.parents for system in _SYSTEM):
            continue
        if real in (Path("/"), Path("/home"), Path("/root"), Path.home()) or real in Path.home().parents:
            raise ToolchainMissing(
                f"the folder {real} holds more than a toolchain", log="", hint="install the toolchain in its own folder"
            )
        binds.append(str(real))
    found = {name: str(path.resolve()) for name, path in programs.items()}
    return Toolchain(programs=found, binds=tuple(dict.fromkeys(binds)), env=env or {}, version=version)
