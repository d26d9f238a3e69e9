"""What is installed, as an environment under bubblewrap sees it: bound read-only, or below a layer that can be written.

Nothing of a layer outlives its command, and no two commands share one.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from devctl import fitting, mounts
from devctl.errors import SandboxFailed
from devctl.inside import prelude
from devctl.records import WORKDIR, Command, Limits, Part, Prepared
from devctl.sandbox import Sandbox
from devctl.sandboxed_run import run_in
from devctl.store import FIRST_UID, Store

log = logging.getLogger(__name__)


class Layers:
    """Lays out what was installed; whether layers work here is found out once, by trying."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._usable: bool | None = None

    def fit(self, parts: Sequence[Part], folder: Path, uid: int | None) -> tuple[list[str], dict[str, str], list[str]]:
        """Arguments that lay out what was installed, the toolchains' variables, and what is to be opened."""
        tools = mounts.toolchain_mounts([part.toolchain for part in parts if part.ecosystem != "python"])
        arguments, opened = list(tools.arguments), list[str]()
        for part in parts:
            place = mounts.result_place(part.ecosystem)
            if part.written and self._usable_here():
                arguments += ["--overlay-src", part.location, "--tmp-overlay", place]
                opened.append(place)
            else:
                arguments += ["--ro-bind", part.location, place]
        fitting.copy_seeds(parts, folder / "home", uid)
        if any(part.places for part in parts) and not self._usable_here():
            fitting.copy_places(parts, folder / "work", uid)
            return arguments, tools.env, opened
        fitting.make_places(folder / "work", fitting.place_paths(parts), uid)
        laid = [(f"{part.location}/{place.source}", place.target) for part in parts for place in part.places]
        arguments += mounts.place_mounts(folder / "work", laid)
        return arguments, tools.env, [*opened, *(f"{WORKDIR}/{target}" for _, target in laid)]

    def _usable_here(self) -> bool:
        """Whether bubblewrap can lay a writable layer over a folder here (Linux 5.11, and not on every file system)."""
        if self._usable is None:
            empty = self._store.home / "empty"
            empty.mkdir(exist_ok=True)
            arguments = [*mounts.system_mounts(), *mounts.kernel_mounts(64)]
            arguments += ["--overlay-src", str(empty), "--tmp-overlay", "/opt/devctl/empty"]
            sandbox = Sandbox(mounts=tuple(arguments), env={}, limits=Limits(), uid=_any_uid())
            try:
                self._usable = run_in(sandbox, Command(argv=("true",), seconds=20)).exit_code in (0, 125)
            except SandboxFailed as error:
                log.info("installed folders are copied into each environment: %s", error)
                self._usable = False
        return self._usable


def _any_uid() -> int | None:
    return FIRST_UID if os.geteuid() == 0 else None


def environment_of(interpreter: str, prepared: Prepared | None) -> dict[str, str]:
    """The variables that every command in an environment sees."""
    folders = [mounts.BIN, str(PurePosixPath(interpreter).parent), "/usr/local/sbin", "/usr/local/bin"]
    folders += ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    env = {"HOME": mounts.HOME, "USER": "devctl", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}  # noqa: S108 - private to it
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "DEVCTL_PYTHON": interpreter}
    if prepared is not None:
        results = {part.ecosystem: mounts.result_place(part.ecosystem) for part in prepared.parts}
        own = fitting.program_folders(prepared.parts, results, mounts.HOME)
        folders[:0] = [f"{prelude.VENV}/bin", f"{prelude.SITE}/bin", *own]
        env |= {"VIRTUAL_ENV": prelude.VENV, "DEVCTL_PYTHON": f"{prelude.VENV}/bin/python"}
        env |= fitting.variables(prepared.parts, results, mounts.HOME)
    return {**env, "PATH": ":".join(dict.fromkeys(folders))}
