"""What an environment under bubblewrap sees of this host: the system, one Python, its own folders."""

import itertools
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from devctl.errors import SettingsInvalid
from devctl.inside import prelude
from devctl.records import WORKDIR, Record, Toolchain

HOME = "/home/devctl"
RUN = "/run/devctl"
PROGRAMS = "/opt/devctl/programs"
"""Where programs of this host lie that a launch asks for."""
CERTIFICATES = "/opt/devctl/certificates.pem"
BIN = "/opt/devctl/bin"
"""Links to the programs of toolchains."""
PARTS = "/opt/devctl/parts"
"""What was installed, a folder for each ecosystem but Python."""
PLAN = "/opt/devctl/plan"
DOWNLOADS = "/opt/devctl/downloads"
_TOOLCHAINS = "/opt/devctl/toolchains"
COPY = "--copy"
"""Begins, among bubblewrap's arguments, a file of this host and where a copy of it lies: a mount takes far longer."""
PRIVATE = ("work", "home", "tmp", "site", "run")
"""The folders that each environment has for itself, below its folder on the host."""

_PLACES = {"work": WORKDIR, "home": HOME, "tmp": "/tmp", "site": prelude.SITE, "run": RUN}  # noqa: S108 - a mount
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "nsswitch.conf", "localtime", "timezone"),
    *("mime.types", "services", "protocols", "bash.bashrc", "fonts"),
    *("ssl/certs", "ssl/openssl.cnf", "ca-certificates", "pki/tls/certs", "pki/ca-trust/extracted"),
)
_FEW = 8
_STORES = ("/nix/store", "/gnu/store")
_OURS = (WORKDIR, "/tmp", "/home/devctl", "/proc", "/dev", "/run", "/opt/devctl")  # noqa: S108 - places inside


class Interpreter(Record):
    """A Python of this host, and where environments find it."""

    host: Path
    """The program on this host, links resolved."""
    inside: str
    """The same program as environments see it."""
    binds: tuple[str, ...] = ()
    """Arguments for bubblewrap that put it there; none where /usr holds it."""


@cache
def find_interpreter(path: Path) -> Interpreter:
    """Say how a Python of this host is put into environments; raises SettingsInvalid.

    Its whole prefix is bound read-only at its own path, also where that lies below a home; where an
    environment has something of its own there, at /opt/devctl/python.
    """
    host = path.resolve()
    if not os.access(host, os.X_OK):
        raise SettingsInvalid(f"the interpreter {path} is not there or cannot be run", "give the path of a Python")
    prefix = host.parent.parent
    if prefix == Path("/usr") or Path("/usr") in prefix.parents:
        return Interpreter(host=host, inside=str(host))
    if prefix in (Path("/"), Path("/home"), Path("/root"), Path.home()) or prefix in Path.home().parents:
        raise SettingsInvalid(
            f"the interpreter {path} cannot be used: its prefix {prefix} holds more than a Python",
            "give the path of a Python that has a folder for itself",
        )
    place = str(prefix)
    if any(place == ours or place.startswith(ours + "/") for ours in _OURS):
        place = "/opt/devctl/python"
    return Interpreter(
        host=host,
        inside=f"{place}/{host.relative_to(prefix)}",
        binds=(*_folders(place), "--ro-bind", str(prefix), place),
    )


class ToolchainMounts(Record):
    """How toolchains of this host are put into a sandbox."""

    arguments: tuple[str, ...]
    env: dict[str, str]


def result_place(ecosystem: str) -> str:
    """Where environments have what was installed for an ecosystem."""
    return prelude.VENV if ecosystem == "python" else f"{PARTS}/{ecosystem}"


def toolchain_mounts(toolchains: Sequence[Toolchain]) -> ToolchainMounts:
    """Bind the folders of toolchains read-only at their own paths, and link their programs into one folder.

    A folder whose path environments have for something else is bound elsewhere.
    """
    arguments: list[str] = [*_folders(f"{BIN}/x"), *_folders(f"{PARTS}/x"), *_folders(f"{DOWNLOADS}/x")]
    env: dict[str, str] = {}
    moved: dict[str, str] = {}
    for source in dict.fromkeys(bind for toolchain in toolchains for bind in toolchain.binds):
        target = source
        if any(source == ours or source.startswith(ours + "/") for ours in _OURS):
            target = moved[source] = f"{_TOOLCHAINS}/{len(moved)}"
        arguments += [*_folders(target), "--ro-bind", source, target]
    for toolchain in toolchains:
        env |= {name: _moved(value, moved) for name, value in toolchain.env.items()}
        for name, program in toolchain.programs.items():
            arguments += ["--symlink", _moved(program, moved), f"{BIN}/{name}"]
    return ToolchainMounts(arguments=tuple(arguments), env=env)


def _moved(path: str, moved: Mapping[str, str]) -> str:
    for source, target in moved.items():
        if path == source or path.startswith(source + "/"):
            return target + path.removeprefix(source)
    return path


@cache
def system_mounts() -> tuple[str, ...]:
    """The read-only system: programs, libraries, certificates; no home, no socket."""
    arguments = [*_folders("/opt/devctl/inside"), *_folders("/run/devctl"), *_folders(HOME)]
    arguments += [word for name in _ETC for word in _folders(f"/etc/{name}")]
    arguments += ["--ro-bind", "/usr", "/usr"]
    for name in _TOP:
        top = Path("/") / name
        if top.is_symlink():
            arguments += ["--symlink", str(top.readlink()), str(top)]
        elif top.is_dir():
            arguments += ["--ro-bind", str(top), str(top)]
    arguments += [word for name in _ETC for word in _settings_of_host(Path("/etc", name))]
    for store in _STORES:
        arguments += ["--ro-bind-try", store, store]
    return tuple(arguments)


def _settings_of_host(path: Path) -> list[str]:
    """Copy a file, and the files of a folder that holds few and nothing else; mount any other folder."""
    if path.is_file():
        return [COPY, str(path), str(path)]
    try:
        below = list(itertools.islice(path.iterdir(), _FEW + 1))
    except OSError:
        below = []
    if 0 < len(below) <= _FEW and all(file.is_file() and not file.is_symlink() for file in below):
        return [word for file in below for word in (*_folders(str(file)), COPY, str(file), str(file))]
    return ["--ro-bind-try", str(path), str(path)]


def kernel_mounts(shared_memory_mb: int) -> list[str]:
    """Private /proc and /dev; shared memory that any uid may write, because multiprocessing needs it."""
    size = str(shared_memory_mb * 1024 * 1024)
    return ["--proc", "/proc", "--dev", "/dev", "--size", size, "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108 - a mount


def private_mounts(folder: Path, names: Sequence[str] = PRIVATE) -> list[str]:
    """The writable folders of one environment, and the programs that devctl brings along."""
    arguments = ["--ro-bind", str(Path(prelude.__file__).parent), prelude.PROGRAMS]
    for name in names:
        arguments += ["--bind", str(folder / name), _PLACES[name]]
    for name in ("passwd", "group", "hosts"):
        arguments += [COPY, str(folder / name), f"/etc/{name}"]
    return arguments


def program_mounts(programs: Sequence[Path]) -> list[str]:
    """Programs of this host that commands may run: each alone, read-only, under its own name; raises SettingsInvalid."""
    arguments: list[str] = []
    for program in programs:
        host = program.resolve()
        if not host.is_file() or not os.access(host, os.X_OK):
            raise SettingsInvalid(f"the program {program} is not there or cannot be run", "check the path")
        arguments += [*_folders(f"{PROGRAMS}/x"), "--ro-bind", str(host), f"{PROGRAMS}/{program.name}"]
    return arguments


def network_mounts(certificates: Path | None) -> list[str]:
    """What looking up names and checking certificates needs, beside the network itself."""
    arguments = ["--ro-bind-try", str(Path("/etc/resolv.conf").resolve()), "/etc/resolv.conf"]
    if certificates is not None and certificates.is_file():
        arguments += ["--ro-bind", str(certificates.resolve()), CERTIFICATES]
    return arguments


def write_accounts(folder: Path, uid: int, gid: int) -> None:
    """Write the user, group and host tables that an environment sees."""
    (folder / "passwd").write_text(
        f"root:x:0:0:root:/nonexistent:/usr/sbin/nologin\ndevctl:x:{uid}:{gid}:devctl:{HOME}:/bin/sh\n"
    )
    (folder / "group").write_text(f"root:x:0:\ndevctl:x:{gid}:\n")
    (folder / "hosts").write_text("127.0.0.1 localhost devctl\n::1 localhost\n")
    for name in ("passwd", "group", "hosts"):
        (folder / name).chmod(0o644)


def place_mounts(work: Path, parts: Sequence[tuple[str, str]]) -> list[str]:
    """Lay installed folders over places of the work folder; what is written there is gone after the command.

    Each part is a folder of this host and a path in the work folder. The folders above a place become mounts of
    their own, so that no command can put a link in the way of the next one's mounts.
    """
    arguments: list[str] = []
    pinned: set[PurePosixPath] = set()
    for source, target in parts:
        for folder in reversed(PurePosixPath(target).parents[:-1]):
            if folder not in pinned:
                arguments += ["--bind", str(work / folder), f"{WORKDIR}/{folder}"]
                pinned.add(folder)
        arguments += ["--overlay-src", source, "--tmp-overlay", f"{WORKDIR}/{target}"]
    return arguments


def _folders(path: str) -> list[str]:
    """Open folders above a mount: bubblewrap would close them where the source is closed to others."""
    parents = [str(parent) for parent in reversed(Path(path).parents)][1:]
    return [word for parent in parents for word in ("--perms", "0755", "--dir", parent)]
