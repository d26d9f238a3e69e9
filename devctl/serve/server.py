"""Serving until it is told to stop: sockets, TLS, signals."""

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType

from devctl.errors import PortTaken
from devctl.fleet.fleet import Fleet
from devctl.gpu.detection import GpuPlaces
from devctl.serve.app import create_app
from devctl.serve.at_once import answering_at_once, known_scrapes
from devctl.serve.metrics_route import with_metrics
from devctl.serve.repeats import Scrapes
from devctl.serve.service import Service
from devctl.serve.settings import LOOPBACK, ServeSettings
from devctl.serve.tls_front import ServerKeys, TlsFront
from devctl.settings import DevctlSettings

log = logging.getLogger(__name__)

_LOOP_SECONDS = 1.0
_THREADS_SECONDS = 5
"""How long a shutdown waits for answers that are under way."""


class Server:
    """A running service; a context manager that shuts it down in order."""

    def __init__(
        self, fleet: Fleet, devctl: DevctlSettings, settings: ServeSettings, gpus: GpuPlaces | None = None
    ) -> None:
        """Listen; raises PortTaken and SettingsInvalid. Nothing is answered before `start` and `serve`."""
        from waitress.server import create_server

        settings.check()
        _check_tunnels(devctl, settings)
        keys = _keys(settings)
        self.service = Service(fleet, devctl, settings, gpus)
        self._front, answering = None, listen(settings.host, settings.port)
        scheme, port = "http", answering.getsockname()[1]
        if keys is not None:
            outside, answering = answering, listen("127.0.0.1", 0)
            scheme, self._front = "https", TlsFront(outside, answering.getsockname(), keys, self.service.peers)
        self._map: dict[int, object] = {}
        self._stopping = threading.Event()
        self._closing = threading.Lock()
        self._server = create_server(
            with_metrics(create_app(self.service), self.service),
            map=self._map,
            sockets=[answering],
            url_scheme=scheme,
            threads=settings.threads,
            ident=None,
            max_request_body_size=settings.body_mb * 1024 * 1024,
            channel_timeout=300,
            channel_request_lookahead=1,
            asyncore_use_poll=True,
            connection_limit=1_000,
            **_proxy(settings),
        )
        self.repeats = Scrapes(self.service)
        self._at_once = answering_at_once(self._server, known_scrapes(self.service.tokens), self.repeats)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.url = f"{scheme}://{host}:{port}"

    def start(self) -> None:
        """Begin the work beside the requests; raises StateUnavailable, and has closed what was opened then."""
        try:
            self.service.start()
        except BaseException:
            self.stop()
            self._close()
            raise
        if self._front is not None:
            self._front.start()
        log.info("devctl serves at %s", self.url)

    def serve(self) -> None:
        """Answer until `stop`, or until that cannot go on, which it raises; what has been started is ended with it."""
        from waitress import wasyncore

        try:
            while not self._stopping.is_set():
                wasyncore.loop(timeout=_LOOP_SECONDS, use_poll=True, map=self._map, count=1)
                self._at_once.answer()
        finally:
            self._close()
        log.info("devctl stops")

    def stop(self) -> None:
        """Take no more launches, finish those that go on, end the rest; from any thread, safe to repeat."""
        self.service.stop()
        with self._closing:  # what wakes the loop must not be closed, nor its number be another file's, meanwhile
            if not self._stopping.is_set():
                self._stopping.set()
                self._server.pull_trigger()

    @contextlib.contextmanager
    def in_background(self, ended: threading.Event | None = None) -> Iterator["Server"]:
        """Serve in a thread as long as the block runs; raises what `start` does.

        What cannot be gone on after sets `ended`, for the block to end, and is raised then.
        """
        self.start()
        broken: list[BaseException] = []

        def serve() -> None:
            try:
                self.serve()
            except BaseException as error:  # noqa: BLE001 - the thread's outermost boundary: the block's end raises it
                log.critical("devctl serves no more: %s: %s", type(error).__name__, error)
                broken.append(error)
                if ended is not None:
                    ended.set()

        thread = threading.Thread(target=serve, name="devctl-serve", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stop()
            thread.join()
        if broken:
            raise broken[0]

    def _close(self) -> None:
        """End the threads that answer, and then what they and the loop use."""
        from waitress import wasyncore

        self._server.task_dispatcher.shutdown(timeout=_THREADS_SECONDS)
        if self._front is not None:
            self._front.close()
        with self._closing:
            self._stopping.set()
            wasyncore.close_all(self._map, ignore_all=True)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"cannot listen on {host}:{port}: {error.strerror}", "choose another --listen") from error
    listener.listen(512)
    return listener


def end_asked() -> threading.Event:
    """What SIGTERM and SIGINT set from now on, in place of ending the program; to be had before anybody hears of it."""
    asked = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return asked


def _check_tunnels(devctl: DevctlSettings, settings: ServeSettings) -> None:
    """Raise SettingsInvalid where no certificate could be issued for callers' tunnels."""
    if settings.tunnel_names or settings.tunnel_host not in LOOPBACK:
        from devctl.tunnels.authority import Authority
        from devctl.tunnels.opening import called_by

        Authority(devctl.folder).check(called_by(settings.tunnel_host, settings.tunnel_names))


def _keys(settings: ServeSettings) -> ServerKeys | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return ServerKeys(settings.tls_certificate, settings.tls_key)


def _proxy(settings: ServeSettings) -> dict[str, object]:
    if settings.behind_proxy is None:
        return {}
    return {
        "trusted_proxy": settings.behind_proxy,
        "trusted_proxy_count": 1,
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"},
        "clear_untrusted_proxy_headers": True,
    }
