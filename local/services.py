"""The servers of a workspace that are programs of ours, and the table of all of them."""

from __future__ import annotations

import os
import urllib.request
from urllib.error import URLError

from local.errors import ServerFailed
from local.postgres import Postgres
from local.service import Address, Service, port_is_free, python_module, require_wheel


class Graph(Service):
    """ArcadeDB from a wheel, speaking Bolt and HTTP on loopback."""

    name = "graph"

    def make(self) -> None:
        require_wheel("arcadedb", "the graph", "NEO4J_URI")
        self.data.mkdir(mode=0o700, exist_ok=True)
        for name in ("graph", "graph-reader"):
            self.workspace.secret(name)

    def command(self) -> list[str]:
        return python_module("local.arcade", str(self.workspace.path))

    def environment(self) -> dict[str, str]:
        # The engine takes these from here only and ignores them, without a word, in its configuration.
        return super().environment() | {
            "arcadedb.txWalFlush": "2",
            "arcadedb.opencypher.loadCsv.allowFileUrls": "false",
            "arcadedb.command.timeout": "120000",
            "ARCADEDB_LOG_DIR": str(self.workspace.path / "logs" / "arcadedb"),
        }

    def probe(self) -> Address | None:
        return self.announced()


class Forge(Service):
    """The local code host."""

    name = "forge"

    def make(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.workspace.secret("forge-admin")
        port = self.options.get("port")
        if port is not None and not port_is_free(int(port)):
            raise ServerFailed(
                f"port {port} is taken by another program", "name another port, or 0 for one that is free"
            )

    def command(self) -> list[str]:
        token = self.workspace.path / "secrets" / "forge-admin"
        port = self.options.get("port") or str(self.remembered_port())
        return python_module("forge", "--data", str(self.data), "--port", port, "--admin-token-file", str(token))

    def probe(self) -> Address | None:
        found = self.announced()
        if found is None or not _answers(f"{found['url']}/healthz"):
            return None
        return {"url": found["url"]}


class Replay(Service):
    """The replay of recorded transcripts in the place of a model."""

    name = "replay"

    def make(self) -> None:
        """Nothing is kept."""

    def command(self) -> list[str]:
        log = str(self.workspace.path / "logs" / "replay-requests.log")
        transcripts = [part for file in self.options["transcript"].split(os.pathsep) for part in ("--transcript", file)]
        return python_module("local.replay", *transcripts, "--port", str(self.remembered_port()), "--log", log)

    def probe(self) -> Address | None:
        found = self.announced()
        return {"url": found["base_url"]} if found is not None else None


SERVICES: dict[str, type[Service]] = {service.name: service for service in (Postgres, Graph, Forge, Replay)}


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
