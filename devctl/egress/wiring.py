"""The fleet's way to a proxy: an environment's wish is written down, and the keeper is there to serve it."""

import logging
import shutil
import subprocess
import sys
import time
from pathlib import Path

from devctl.egress.rules import read_rules
from devctl.egress.wishes import SOCKET, WISH, Wish, ask_to_look, locked
from devctl.errors import EgressFailed, EnvironmentGone, LaunchFailed
from devctl.fleet.records import EnvironmentRecord
from devctl.hosts.engine import ExecRequest, HostEngine, NetworkPlan
from devctl.inside import prelude
from devctl.settings import DevctlSettings

log = logging.getLogger(__name__)

INSIDE = "/run/devctl-egress"
"""The folder of the proxy's socket, as environments see it."""
PORT = 3128
"""The port of an environment's own loopback behind which the proxy is."""
START_SECONDS = 20.0
_RELAY = """programs=$1 socket=$2 port=$3; shift 3
if command -v python3 >/dev/null; then exec python3 -I "$programs/egress.py" "$socket" "$port" "$@"; fi
if command -v perl >/dev/null; then exec perl "$programs/egress.pl" "$socket" "$port" "$@"; fi
echo "the image has neither python3 nor perl" >&2
exit 1"""
_OPEN_NOTE = "the network is open: private addresses that this machine reaches are reached from inside too"


class ProxiedEgress:
    """The way out of kept environments: none, by name through a proxy, or open."""

    def __init__(self, settings: DevctlSettings) -> None:
        self._settings = settings
        self.folder = settings.folder / "egress"
        """Where the keeper's wishes and sockets lie."""

    def plan(self, record: EnvironmentRecord, host: HostEngine) -> NetworkPlan:
        """Make what the record's egress needs on its host; raises EgressInvalid and EgressFailed."""
        egress = record.spec.egress
        if egress.mode == "none":
            return NetworkPlan()
        if egress.mode == "open":
            return NetworkPlan(network=self._settings.docker_prepare_network, notes=(_OPEN_NOTE,))
        if not host.local:
            raise EgressFailed(
                f"{host.name} is another machine, and an allow-list works only on this one's engines",
                "place it with --host on a local engine, or take --egress none or open",
            )
        read_rules(egress.domains)
        wish = Wish(environment=record.id, name=record.name, owner=record.owner, domains=egress.domains)
        out = self.folder / record.id / "out"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.folder):
            out.mkdir(parents=True, exist_ok=True)
            (self.folder / record.id / WISH).write_text(wish.model_dump_json(), encoding="utf-8")
            self._look(out / SOCKET)
        return NetworkPlan(env=proxy_variables(), binds={INSIDE: str(out)}, before=relay_words())

    def check(self, record: EnvironmentRecord, host: HostEngine) -> None:
        """See whether the relay in a container that was just started stands; raises EgressFailed with its words."""
        if record.spec.egress.mode != "allow" or host.backend != "docker":
            return
        listening = ("grep", "-q", f":{PORT:04X} 00000000:0000 0A ", "/proc/net/tcp")
        deadline = time.monotonic() + START_SECONDS
        try:
            while host.run(record, ExecRequest(argv=listening, cwd="/", seconds=START_SECONDS)).exit_code != 0:
                if time.monotonic() > deadline:
                    raise EgressFailed("the relay inside did not begin to listen", "try again, or take --egress none")
                time.sleep(0.05)
        except (EnvironmentGone, LaunchFailed) as error:
            words = b"".join(host.logs(record, False, None)).decode("utf-8", "replace").strip()[-300:]
            raise EgressFailed(
                f"the container of {record.name!r} ended at once: {words or error}",
                "an allow-list needs python3 or perl in the image",
            ) from error

    def release(self, record: EnvironmentRecord, host: HostEngine) -> None:
        """Remove what was made for it; safe to repeat."""
        folder = self.folder / record.id
        if not folder.is_dir():
            return
        with locked(self.folder):
            (folder / WISH).unlink(missing_ok=True)
            ask_to_look(self.folder)
            shutil.rmtree(folder, ignore_errors=True)

    def ensure(self) -> None:
        """See to it that the keeper runs where an environment needs it: after this machine was started anew."""
        if any(self.folder.glob(f"*/{WISH}")):
            with locked(self.folder):
                self._look(None)

    def _look(self, wanted: Path | None) -> None:
        """Have the keeper look, and start it where none runs; the caller holds the lock."""
        if not ask_to_look(self.folder):
            self._start()
        if wanted is not None and not wanted.is_socket():
            raise EgressFailed("the proxy did not open its socket", f"read {self.folder / 'keeper.log'}")

    def _start(self) -> None:
        log.info("starting the keeper of egress proxies")
        given = self._settings
        env = {"PATH": given.search_path, "HOME": given.toolchain_env.get("HOME", "/"), **keeper_variables(given)}
        with (self.folder / "keeper.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "devctl.cli", "--folder", str(given.folder), "egress", "keep"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not ask_to_look(self.folder):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise EgressFailed("the keeper of proxies did not start", f"read {self.folder / 'keeper.log'}")
            time.sleep(0.05)
        # it outlives this program; the handle is let go of without waiting
        process.returncode = 0


def keeper_variables(settings: DevctlSettings) -> dict[str, str]:
    """What of the settings the keeper is given."""
    return {"DEVCTL_DATABASE_URL": settings.database_url} if settings.database_url else {}


def proxy_variables() -> dict[str, str]:
    """The variables by which programs find the proxy."""
    address, near = f"http://127.0.0.1:{PORT}", "localhost,127.0.0.1,::1"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    return {**dict.fromkeys(names, address), "NO_PROXY": near, "no_proxy": near}


def relay_words() -> tuple[str, ...]:
    """The words that go before a command so that the proxy answers at PORT while it runs."""
    return ("/bin/sh", "-c", _RELAY, "sh", prelude.PROGRAMS, f"{INSIDE}/{SOCKET}", str(PORT))
