"""A running service, and a caller that speaks plain HTTP to it."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.gpu.detection import GpuPlaces
from devctl.serve.server import Server
from devctl.serve.settings import ServeSettings
from devctl.settings import DevctlSettings


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Somebody with a token, or without one."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self.token = url, token

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            given.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        connection = self.connection()
        try:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            return Answer(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def connection(self) -> http.client.HTTPConnection:
        """A connection to the service."""
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)

    @contextmanager
    def stream(self, path: str) -> Iterator[http.client.HTTPResponse]:
        """An answer that is read as it comes."""
        connection = self.connection()
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
            yield connection.getresponse()
        finally:
            connection.close()

    def lines(self, path: str) -> list[dict[str, Any]]:
        """All lines of an NDJSON stream."""
        return [json.loads(line) for line in self("GET", path).body.splitlines() if line.strip()]


@contextmanager
def serving(fleet: Fleet, settings: DevctlSettings, gpus: GpuPlaces | None = None, **given: Any) -> Iterator[Server]:
    """Serve a fleet on a free port, without tests of GPUs of its own."""
    wanted = {"port": 0, "grace_seconds": 5, "gpu_smoke_seconds": 0, **given}
    server = Server(fleet, settings, ServeSettings.model_validate(wanted), gpus)
    with server.in_background():
        yield server


def after_first_round(server: Server) -> Server:
    """Wait until the service has measured for the first time, as it does at its start: what a test measures then is not
    overtaken by that, nor what it reads changed between two reads."""
    while not server.service.page.page(False):
        assert server.service.background.failures["metrics"] == 0
        time.sleep(0.01)
    return server


def token_of(server: Server, user: User) -> str:
    """A new token for a user."""
    return server.service.tokens.add(user).secret
