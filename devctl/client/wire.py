"""Requests to the service, and its problems turned back into the errors that they were."""

import contextlib
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from devctl import errors
from devctl.errors import (
    BuildFailed,
    CloneFailed,
    DevctlError,
    LaunchRefused,
    PreparationFailed,
    ServeFailed,
    ServiceUnreachable,
    SettingsInvalid,
)
from devctl.web_addresses import http_address

Body = bytes | Iterable[bytes] | None
LONG_SECONDS = 900.0
"""How long an answer may take where the work itself takes long: files, snapshots, removals."""
_LINE_SECONDS = 60.0
"""A connection that was not used for so long is not used again; the service keeps it for five minutes."""
_HINT = "check the address, and that `devctl serve` runs there"


class Wire:
    """One service and one token; each request has a connection of its own, so that threads may share it."""

    def __init__(self, url: str, token: str, ca: Path | None = None, timeout: float = 60.0) -> None:
        parts = http_address(url)
        if parts is None:
            raise ServiceUnreachable(f"{url!r} is no address of a service", "write it as https://host:port")
        if parts.scheme == "http" and token.strip() and not _is_loopback(parts.hostname):
            raise SettingsInvalid(
                f"{url} would have the token cross the network unencrypted",
                "give the service TLS and write https://, or reach it at loopback through an ssh forward",
            )
        self.url = url.rstrip("/")
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self.file_name = re.sub(r"[^A-Za-z0-9.-]", "-", self.url.partition("://")[2])
        """The address as a name of a folder."""
        self._token = token.strip()
        self._timeout = timeout
        self._context = _trusting(ca) if parts.scheme == "https" else None

    def json(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> Any:  # fmt: skip
        """Send JSON and return the answer's; raises the errors of the service.

        `seconds` is how long the answer may take, where the work itself takes long.
        """
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})}
        with self.answer(method, path, data, given, seconds=seconds) as response:
            text = response.read()
        return json.loads(text) if text else None

    def send(self, method: str, path: str, body: Body, kind: str) -> Any:
        """Send bytes and return the answer's JSON."""
        with self.answer(method, path, body, {"Content-Type": kind}, seconds=LONG_SECONDS) as response:
            text = response.read()
        return json.loads(text) if text else None

    @contextmanager
    def answer(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None,
        endless: bool = False, seconds: float | None = None,
    ) -> Iterator[http.client.HTTPResponse]:  # fmt: skip
        """Send a request and lend the answer, to be read as it comes; `endless` waits for it without limit.

        Raises ServiceUnreachable, also where the answer breaks off, and the errors of the service.
        """
        connection = self.connection(None if endless else max(seconds or 0, self._timeout))
        given = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        try:
            with self._translated():
                connection.request(method, self._prefix + path, body, given, encode_chunked=_is_stream(body))
                response = connection.getresponse()
                if response.status >= 400:
                    raise error_of(response.status, response.read())
            yield response
        except http.client.HTTPException as error:
            raise ServiceUnreachable(f"the answer of {self.url} broke off: {error}", _HINT) from error
        finally:
            connection.close()

    def post(self, path: str, body: bytes, connection: http.client.HTTPConnection) -> None:
        """POST bytes over a connection, which may have served before."""
        given = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/octet-stream"}
        with self._translated():
            connection.request("POST", self._prefix + path, body, given)
            response = connection.getresponse()
            text = response.read()
            if response.status >= 400:
                raise error_of(response.status, text)

    def line(self) -> "Line":
        """Requests that follow each other closely, over one connection."""
        return Line(self)

    def connection(self, timeout: float | None) -> http.client.HTTPConnection:
        """One to the service, which connects with its first request; None waits for answers without limit."""
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            hint = "trust its CA with DEVCTL_CA=FILE"
            raise ServiceUnreachable(
                f"the certificate of {self.url} is not trusted: {error.verify_message}", hint
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise ServiceUnreachable(f"no service answers at {self.url}: {error}", _HINT) from error


class Line:
    """Keeps a connection for small requests that follow each other closely, such as the keys that a person presses.

    They arrive in their order. One whose answer is lost is not sent again: nobody knows whether it was done.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._order = threading.Lock()
        self._state = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0
        self._sending = self._closed = False

    def send(self, path: str, body: bytes) -> None:
        """Send bytes; raises the errors of the service, and ServiceUnreachable where it was closed."""
        with self._order, self._lent() as connection:
            self._wire.post(path, body, connection)

    def close(self) -> None:
        """End it, also under a request that waits for its answer; safe to repeat."""
        with self._state:
            self._closed = True
            if self._sending:
                _shut(self._connection)  # whoever sends closes it: it is theirs until then
            else:
                self._forget()

    @contextmanager
    def _lent(self) -> Iterator[http.client.HTTPConnection]:
        """The connection, which is nobody else's while the block runs, and is kept if that ends well."""
        with self._state:
            if self._closed:
                raise ServiceUnreachable("the command takes no more input: it was left", "run it again")
            if self._connection is not None and time.monotonic() - self._used > _LINE_SECONDS:
                self._forget()  # the service may be about to end it
            connection = self._connection = self._connection or self._wire.connection(LONG_SECONDS)
            self._sending = True
        whole = False
        try:
            yield connection
            whole = True
        finally:
            with self._state:
                self._sending = False
                self._used = time.monotonic()
                if self._closed or not whole:
                    self._forget()

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _shut(connection: http.client.HTTPConnection | None) -> None:
    """Have whoever reads or writes a connection see its end; under TLS too the socket's own way, which all may go."""
    if connection is not None and isinstance(connection.sock, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _trusting(ca: Path | None) -> ssl.SSLContext:
    """A context that believes one CA, or those of the system; raises SettingsInvalid."""
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except OSError as error:  # SSLError too
        raise SettingsInvalid(
            f"{ca} holds no certificate that can be read: {error.strerror or error}", "give a PEM file in DEVCTL_CA"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def error_of(status: int, body: bytes) -> DevctlError:
    """The error that a problem was made of."""
    try:
        found = json.loads(body)
        return error_from(found)
    except (ValueError, KeyError, TypeError):
        return ServiceUnreachable(f"what answers is no devctl: status {status}", _HINT)


def error_from(problem: Mapping[str, Any]) -> DevctlError:
    """The same, of a problem that was read."""
    message, hint = str(problem["message"]), str(problem.get("hint", ""))
    kind = getattr(errors, str(problem["kind"]), DevctlError)
    if kind is LaunchRefused:
        return LaunchRefused(message, tuple(problem.get("reasons", ())), hint)
    if kind in (BuildFailed, CloneFailed, PreparationFailed, ServeFailed):
        return kind(message, str(problem.get("log", "")), hint)  # type: ignore[no-any-return] # one of these
    if isinstance(kind, type) and issubclass(kind, DevctlError):
        return kind(message, hint)
    return DevctlError(message, hint)


def place(*steps: str, **query: object) -> str:
    """A path below /v1 with its query; None is left out."""
    given = {name: _words(value) for name, value in query.items() if value is not None}
    tail = f"?{urlencode(given, doseq=True)}" if given else ""
    return "/v1/" + "/".join(quote(step, safe="") for step in steps) + tail


def _words(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _is_stream(body: Body) -> bool:
    return body is not None and not isinstance(body, bytes)
