"""A person with a browser, who trusts the authority."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from devctl.fleet.fleet import Fleet
from devctl.tunnels import TunnelServer, TunnelWish, open_tunnel
from devctl.tunnels.authority import Authority
from devctl.tunnels.conversation import Patience
from tests.devctl.fleets import ADA, folder_of, wanted

APP = Path(__file__).with_name("app.py")


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def said(self) -> Any:
        """What the program inside says that it was asked."""
        return json.loads(self.body)

    def asked(self) -> dict[str, str]:
        """The headers that it got."""
        return {key: value for key, value in self.said()["headers"]}


class Person:
    """Uses one tunnel; its connection is kept."""

    def __init__(self, fleet: Fleet, server: TunnelServer) -> None:
        parts = urlsplit(server.link)
        self.token = parse_qs(parts.query)["token"][0]
        self.host, self.port = parts.hostname or "", parts.port or 443
        self.cookie = ""
        self.trusting = ssl.create_default_context(cafile=Authority(folder_of(fleet)).certificate)
        self._kept = http.client.HTTPSConnection(self.host, self.port, timeout=60, context=self.trusting)

    def ask(self, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Ask with the cookie, once there is one; underscores in names of headers are dashes."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        if self.cookie:
            named["Cookie"] = "; ".join(part for part in (self.cookie, named.get("Cookie", "")) if part)
        self._kept.request(method, path, body, named)
        with self._kept.getresponse() as answer:
            return Answer(answer.status, answer.headers, answer.read())

    def enter(self) -> Answer:
        """Ask once with the token, and keep the cookie."""
        answer = self.ask(f"/?token={self.token}")
        ours = [one for one in answer.headers.get_all("Set-Cookie", []) if "SameSite" in one]
        self.cookie = ours[0].partition(";")[0]
        return answer

    def raw(self) -> ssl.SSLSocket:
        """A connection on which anything can be said."""
        connection = socket.create_connection((self.host, self.port), timeout=60)
        return self.trusting.wrap_socket(connection, server_hostname=self.host)

    def close(self) -> None:
        """End the connection."""
        self._kept.close()


@contextmanager
def served(fleet: Fleet, backend: str, folder: Path) -> Iterator[None]:
    """An environment `web` in which the program runs."""
    (folder / "app.py").write_text(APP.read_text())
    fleet.up(ADA, wanted(backend, "web"), tree=folder)
    with fleet.open_exec(ADA, "web", ["python3", "-u", "app.py"]) as program:
        assert program.read() == (1, b"ready\n")
        yield


@contextmanager
def opened(
    fleet: Fleet, wish: TunnelWish | None = None, patience: Patience | None = None
) -> Iterator[tuple[TunnelServer, Person, list[str]]]:
    """A tunnel for which a thread waits, a person, and the reason of its end once it has one."""
    wish = wish or TunnelWish(port=8000)
    whys: list[str] = []
    with open_tunnel(fleet, folder_of(fleet), ADA, "web", wish, patience) as server:
        waiter = threading.Thread(target=lambda: whys.append(server.wait()))
        waiter.start()
        person = Person(fleet, server)
        try:
            yield server, person, whys
        finally:
            person.close()
            server.close()
            waiter.join(60)
