"""Builds by buildx: its program, a builder of our own that can export caches, and one run of it."""

import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from devctl.builder.progress import BuildxProgress
from devctl.capture import run_tool
from devctl.records import Record
from devctl.settings import DevctlSettings

log = logging.getLogger(__name__)

BUILDER = "devctl"
_PLUGINS = (
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
)
_START_SECONDS = 120.0


class Buildx(Record):
    """A buildx program and the variables it is run with."""

    program: Path
    env: dict[str, str]

    def builder(self, address: str | None) -> tuple[str | None, str]:
        """Make our builder, or find it; returns its name and what is in the way, one of them empty.

        With an address it is that BuildKit, else a container that buildx starts.
        """
        name = BUILDER if address is None else f"{BUILDER}-remote"
        if run_tool((str(self.program), "inspect", "--bootstrap", name), self.env, _START_SECONDS).exit_code == 0:
            if address is None or address in self._inspected(name):
                return name, ""
            run_tool((str(self.program), "rm", "--keep-daemon", name), self.env)
        how = ("--driver", "docker-container") if address is None else ("--driver", "remote", address)
        made = run_tool((str(self.program), "create", "--name", name, "--bootstrap", *how), self.env, _START_SECONDS)
        if made.exit_code == 0:
            return name, ""
        run_tool((str(self.program), "rm", "--force", name), self.env)
        return None, made.text.strip().splitlines()[-1] if made.text.strip() else f"exit code {made.exit_code}"

    def _inspected(self, name: str) -> str:
        return run_tool((str(self.program), "inspect", name), self.env).text

    def prune(self, name: str, max_mb: float) -> str:
        """Have a builder forget what it has not used lately, until the rest is small enough."""
        words = (str(self.program), "prune", "--builder", name, "--force", "--max-used-space", f"{int(max_mb)}MB")
        return run_tool(words, self.env, 300).text


def find_buildx(settings: DevctlSettings, docker_host: str) -> Buildx | None:
    """Find buildx: the settings' program, one on the path, or Docker's plugin; None where there is none."""
    home = settings.builder_env.get("HOME")
    folders = [*([f"{home}/.docker/cli-plugins"] if home else []), *_PLUGINS]
    candidates = [str(settings.buildx)] if settings.buildx else []
    candidates += [shutil.which("buildx", path=settings.search_path) or ""]
    candidates += [f"{folder}/docker-buildx" for folder in folders]
    program = next((Path(path) for path in candidates if path and os.access(path, os.X_OK)), None)
    if program is None:
        return None
    place = settings.folder / "buildx"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    env = {"PATH": settings.search_path, **settings.builder_env, **settings.docker_tls}
    return Buildx(program=program, env=env | {"DOCKER_HOST": docker_host, "BUILDX_CONFIG": str(place)})


class Outcome(Record):
    """How a run of buildx ended."""

    exit_code: int
    cancelled: bool = False
    timed_out: bool = False


def run_build(
    words: Sequence[str], env: Mapping[str, str], progress: BuildxProgress, seconds: float, cancelled: threading.Event
) -> Outcome:
    """Run buildx to its end and read its progress; it is killed with its group when its time is up or it is cancelled.

    BuildKit stops a build whose client has gone.
    """
    with subprocess.Popen(
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(env),
        start_new_session=True,
    ) as process:
        late = threading.Event()
        with _watched(process, seconds, cancelled, late):
            for line in process.stdout or ():
                progress.line(line.rstrip(b"\n"))
            code = process.wait()
    return Outcome(exit_code=code, cancelled=cancelled.is_set(), timed_out=late.is_set())


@contextmanager
def _watched(
    process: "subprocess.Popen[bytes]", seconds: float, cancelled: threading.Event, late: threading.Event
) -> Iterator[None]:
    """Kill a process when its time is up, when it is cancelled, or when the block is left by an error."""
    done = threading.Event()

    def watch() -> None:
        left = seconds
        while not done.wait(0.1) and not cancelled.is_set():
            left -= 0.1
            if left <= 0:
                late.set()
                break
        if not done.is_set():
            _kill(process)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except BaseException:
        _kill(process)
        raise
    finally:
        done.set()
        watcher.join()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        log.debug("buildx had ended")
