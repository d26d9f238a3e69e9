"""One running environment, as its users hold it."""

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from devctl.backend import Box
from devctl.errors import EnvironmentGone, LaunchFailed
from devctl.files import parts_of
from devctl.records import Command, EnvironmentInfo, ExecResult
from devctl.sandbox import invalid_variables
from devctl.serving import Served

log = logging.getLogger(__name__)


class Environment:
    """A sandbox with a work folder in which commands run; a context manager that stops it.

    Every command is a fresh process without network. Files in the work folder, in /tmp and in the home
    stay until the environment is stopped. A command's children end with it. Safe to use from several threads.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        self._served: list[Served] = []
        self._stopped = threading.Event()
        self.id = box.info.id
        self.workdir = box.workdir
        """The work folder, as commands see it."""

    @property
    def info(self) -> EnvironmentInfo:
        """What this environment is, and what is weaker than asked for."""
        return self._box.info

    @property
    def host_folder(self) -> Path | None:
        """The work folder on this host, to read from; None where the backend shares none.

        What lies in it is hostile: read it without following links. Write with `put`, which also sets owners.
        """
        return self._box.host_folder

    def exec(
        self,
        argv: Sequence[str],
        *,
        seconds: float | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | bytes | None = None,
        cwd: str | None = None,
        host_port: int | None = None,
    ) -> ExecResult:
        """Run a command to its end and return how it ended; a failing command is no error here.

        `seconds` takes the place of the environment's limit; `env` is added to its variables; `cwd` is a
        folder below the work folder. Without `stdin` the input is empty. With `host_port` that one port of this
        host's loopback can be reached, at 127.0.0.1 and `devctl.INSIDE_PORT`; nothing else can. Raises EnvironmentGone when the
        environment was stopped, SandboxFailed when the sandbox itself broke, PathRefused for a `cwd` outside.
        """
        self._check()
        command = self._command(argv, seconds, env or {}, stdin, cwd)
        result = self._box.run(command) if host_port is None else self._run_with_gateway(command, host_port)
        log.info("%s ran %r: %s in %.2f s", self.id, argv[0], result.exit_code, result.seconds)
        if self._stopped.is_set():
            raise EnvironmentGone(f"the environment {self.id} was stopped while {argv[0]!r} ran", "launch a new one")
        return result

    def put(self, source: Path, target: str = ".") -> None:
        """Copy a file, or what a folder holds, into the work folder, over what is there.

        `target` names the folder for a folder, and the file for a file (`.` keeps its name). Links are copied
        as links, times are not kept, of the mode only whether a file can be run. Raises PathRefused.
        """
        self._check()
        self._box.put(source, target)

    def get(self, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file, or what a folder holds, out of the work folder to `target`.

        Links are never followed. Returns what was left out of a folder: links that lead out of it, sockets,
        pipes, devices. Raises PathRefused for a link, a path outside, or more than `disk_mb`.
        """
        self._check()
        return self._box.get(source, target)

    def serve(self, argv: Sequence[str], port: int, *, seconds: float = 30.0) -> Served:
        """Start a server that listens on `port` inside, and return its address on this host's loopback.

        Waits until it listens, at most `seconds`; raises ServeFailed with its output otherwise. The
        environment stays without network; the address is for programs of the host, not for other commands.
        """
        self._check()
        if not 0 < port < 65_536:
            raise LaunchFailed(f"the port {port} is out of range", "give a port from 1 to 65535")
        served = self._box.serve(argv, port, seconds)
        self._served.append(served)
        log.info("%s serves port %s at %s", self.id, port, served.url)
        return served

    def stop(self) -> None:
        """End everything in the environment and remove it; safe to repeat."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        for served in self._served:
            served.stop()
        self._box.destroy()
        log.info("stopped %s", self.id)

    def __enter__(self) -> "Environment":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run_with_gateway(self, command: Command, port: int) -> ExecResult:
        gateway, before = self._box.gateway(port)
        with gateway:
            return self._box.run(command.model_copy(update={"argv": (*before, *command.argv)}))

    def _check(self) -> None:
        if self._stopped.is_set():
            raise EnvironmentGone(f"the environment {self.id} was stopped", "launch a new one")

    def _command(
        self,
        argv: Sequence[str],
        seconds: float | None,
        env: Mapping[str, str],
        stdin: str | bytes | None,
        cwd: str | None,
    ) -> Command:
        if not argv or any("\0" in word for word in argv):
            raise LaunchFailed(f"the command {list(argv)!r} cannot be run", "give a program and its arguments")
        if wrong := invalid_variables(env):
            raise LaunchFailed(f"the variables {wrong} cannot be set", "use letters, digits and underscores")
        return Command(
            argv=tuple(argv),
            env=dict(env),
            stdin=stdin.encode() if isinstance(stdin, str) else stdin,
            cwd="/".join(parts_of(cwd or ".")) or ".",
            seconds=self.info.limits.seconds if seconds is None else seconds,
        )
