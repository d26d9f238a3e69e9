"""The variables of devcontainer.json: `${localWorkspaceFolder}` and its like."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

_VARIABLE = re.compile(r"\$\{([^${}]*)\}")


class Variables:
    """What variables stand for; remembers in `notes` what it could not fill in."""

    def __init__(self, tree: Path | None, workdir: str, local_env: Mapping[str, str], config: Path) -> None:
        self._env = dict(local_env)
        self.notes: dict[str, None] = {}
        """Words for the person, each once, in their order."""
        folder = tree or config.parent
        self._fixed = {
            "localWorkspaceFolder": str(folder),
            "localWorkspaceFolderBasename": folder.name,
            "devcontainerId": identity(str(folder), str(config)),
        }
        self.move(workdir)

    def move(self, workdir: str) -> None:
        """Take another folder for the one that commands run in."""
        self._fixed["containerWorkspaceFolder"] = workdir
        self._fixed["containerWorkspaceFolderBasename"] = PurePosixPath(workdir).name

    def fill(self, text: str, *, container: bool = False) -> str:
        """Fill in a text; `${containerEnv:…}` stays for later where `container` is true, else it becomes empty."""
        return _VARIABLE.sub(lambda match: self._one(match[0], match[1], container), text)

    def _one(self, whole: str, inner: str, container: bool) -> str:
        if inner in self._fixed:
            return self._fixed[inner]
        kind, _, rest = inner.partition(":")
        name, _, default = rest.partition(":")
        if kind in ("localEnv", "env") and name:
            if name in self._env:
                return self._env[name]
            left = f"took {default!r} for it" if default else "left it empty"
            self._note(f"{whole} was not filled in from your own variables, {left}: name {name} in DEVCTL_LOCAL_ENV")
            return default
        if kind == "containerEnv" and name:
            if container:
                return whole
            self._note(f"{whole} is known only in remoteEnv, and was left {'as ' + default if default else 'empty'}")
            return default
        self._note(f"{whole} is no variable that devctl knows; it was left as it is")
        return whole

    def _note(self, words: str) -> None:
        self.notes[words] = None


def fill_container(text: str, container: Mapping[str, str]) -> str:
    """Fill in `${containerEnv:NAME:default}` from the variables of a container."""

    def one(match: re.Match[str]) -> str:
        kind, _, rest = match[1].partition(":")
        name, _, default = rest.partition(":")
        return container.get(name, default) if kind == "containerEnv" else match[0]

    return _VARIABLE.sub(one, text)


def settle_env(remote: Mapping[str, str | None], container: Mapping[str, str]) -> dict[str, str]:
    """The variables of remoteEnv as they are in a container that sets `container`; None there takes nothing in."""
    return {name: fill_container(value, container) for name, value in remote.items() if value is not None}


def identity(*parts: str) -> str:
    """A name of 52 small letters and digits that stays the same for the same workspace."""
    number = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest(), "big")
    digits = "0123456789abcdefghijklmnopqrstuv"
    return "".join(digits[(number >> (5 * index)) & 31] for index in range(52))
