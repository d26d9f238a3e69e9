"""`runArgs` of devcontainer.json: the few options of `docker run` that are done, and words for all others."""

from collections.abc import Callable, Iterator, Sequence

from pydantic import Field

from devctl.fleet.records import Mount
from devctl.records import Record
from devctl.sources.mounting import mount_of, words_of
from devctl.sources.sizes import mebibytes

_LONG = {"-m": "--memory", "-c": "--cpu-shares", "-e": "--env", "-u": "--user", "-w": "--workdir", "-l": "--label"}
_LONG |= {"-p": "--publish", "-v": "--volume", "-h": "--hostname"}
_ALONE: tuple[str, ...] = (
    "--privileged",
    "--init",
    "--rm",
    "--tty",
    "-t",
    "--interactive",
    "-i",
    "-it",
    "--detach",
    "-d",
    "--read-only",
)
_ALONE += ("--publish-all", "-P", "--oom-kill-disable", "--no-healthcheck")
_WIDER = (
    "--privileged",
    "--cap-add",
    "--security-opt",
    "--device",
    "--pid",
    "--ipc",
    "--userns",
    "--cgroupns",
    "--uts",
)
_NETWORK = ("--network", "--net", "--dns", "--add-host", "--ip", "--network-alias")
_NEEDLESS = ("--init", "--rm", "--tty", "-t", "--interactive", "-i", "-it", "--detach", "-d", "--name", "--hostname")


class RunArgs(Record):
    """What `runArgs` asks for, as far as it is done."""

    cpus: float | None = None
    memory_mb: int | None = None
    pids: int | None = None
    shm_mb: int | None = None
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    ports: tuple[int, ...] = ()
    user: str | None = None
    gpu: bool = False
    notes: tuple[str, ...] = Field(default=())


class _Taking:
    """What was taken so far."""

    def __init__(self) -> None:
        self.found: dict[str, object] = {}
        self.env: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.mounts: list[Mount] = []
        self.ports: list[int] = []

    def size(self, field: str) -> Callable[[str], bool]:
        """Take a size such as 2g."""

        def take(value: str) -> bool:
            self.found[field] = mebibytes(value)
            return self.found[field] is not None

        return take

    def number(self, field: str, kind: type[int] | type[float]) -> Callable[[str], bool]:
        """Take a number above nought."""

        def take(value: str) -> bool:
            try:
                self.found[field] = kind(value)
            except ValueError:
                return False
            return float(value) > 0

        return take

    def pair(self, into: dict[str, str]) -> Callable[[str], bool]:
        """Take NAME=VALUE; a name alone would be read from the caller's own variables."""

        def take(value: str) -> bool:
            name, equals, rest = value.partition("=")
            if not name or not equals:
                return False
            into[name] = rest
            return True

        return take

    def mount(self, value: str) -> bool:
        """Take a mount in the long writing."""
        self.mounts.append(mount_of(words_of(value)))
        return True

    def volume(self, value: str) -> bool:
        """Take `source:target[:ro]`."""
        parts = value.split(":")
        if len(parts) < 2 or len(parts) > 3:
            return False
        kind = "bind" if parts[0].startswith(("/", ".", "~")) else "volume"
        words = {"type": kind, "source": parts[0], "target": parts[1]}
        self.mounts.append(mount_of(words | {"readonly": "true" if parts[2:] == ["ro"] else "false"}))
        return True

    def publish(self, value: str) -> bool:
        """Take the port inside; where it is reached is for `devctl port` to say."""
        port = value.rpartition(":")[2].removesuffix("/tcp")
        if not port.isdigit() or not 0 < int(port) < 65_536:
            return False
        self.ports.append(int(port))
        return True

    def user(self, value: str) -> bool:
        """Take whom commands run as."""
        self.found["user"] = value
        return bool(value)

    def gpus(self, value: str) -> bool:
        """Take a wish for GPUs."""
        self.found["gpu"] = value not in ("", "0", "none")
        return True


def read_run_args(words: Sequence[str]) -> RunArgs:
    """Translate what can be done within the sandbox; all else becomes notes, and nothing that widens it is done."""
    taking, notes = _Taking(), list[str]()
    takers: dict[str, Callable[[str], bool]] = {
        "--memory": taking.size("memory_mb"),
        "--shm-size": taking.size("shm_mb"),
        "--cpus": taking.number("cpus", float),
        "--pids-limit": taking.number("pids", int),
        "--env": taking.pair(taking.env),
        "--label": taking.pair(taking.labels),
        "--mount": taking.mount,
        "--volume": taking.volume,
        "--publish": taking.publish,
        "--expose": taking.publish,
        "--user": taking.user,
        "--gpus": taking.gpus,
    }
    for option, value in _options(words):
        taker = takers.get(option)
        if taker is None or value is None:
            notes += _refusal(option, value)
            continue
        try:
            done = taker(value)
        except ValueError as error:
            notes.append(f"runArgs: {option} {value} was left out: it {error}")
            continue
        if not done:
            notes.append(f"runArgs: {option} {value} was left out, as its value cannot be read")
    found = {name: value for name, value in taking.found.items() if value is not None}
    return RunArgs.model_validate(
        {
            **{name: value for name, value in found.items() if not _nought(value)},
            "env": taking.env,
            "labels": taking.labels,
            "mounts": tuple(taking.mounts),
            "ports": tuple(taking.ports),
            "notes": tuple(notes),
        }
    )


def _nought(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value <= 0


def _options(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """The options with their values, in the long writing where there is one."""
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            yield word, None
        elif name in _ALONE:
            yield name, value if equals else None
        elif equals and word.startswith("--"):
            yield name, value
        elif not word.startswith("--") and len(word) > 2 and word[:2] in _LONG:
            yield _LONG[word[:2]], word[2:].removeprefix("=")
        else:
            yield _LONG.get(name, name), next(rest, None)


def _refusal(option: str, value: str | None) -> list[str]:
    whole = option if value is None else f"{option} {value}"
    if option in _NEEDLESS or (option, value) == ("--cap-drop", "ALL"):
        return []
    if option in _WIDER:
        return [f"runArgs: {whole} was left out: it would open the sandbox to the host, which devctl never does"]
    if option in _NETWORK:
        return [f"runArgs: {whole} was left out: the network is chosen with --egress"]
    return [f"runArgs: {whole} was left out: devctl does not translate it"]
