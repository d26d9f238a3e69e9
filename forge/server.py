"""Serving a forge on a socket until it is told to stop."""

import fcntl
import json
import logging
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING

from forge.errors import SetupFailed
from forge.settings import ForgeSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Flask

logger = logging.getLogger(__name__)

Wrap = Callable[["Flask"], "WSGIApplication"]
"""A layer around the application, such as one that records what is answered."""

THREADS = 8
CONNECTIONS = 1_000
"""At once; the clients of many repositories keep theirs open, and who comes beyond waits until idle ones are closed."""
UNREAD_BYTES = 64 * 1024**3
"""Of one answer that its client has not read yet; they lie in a file, so that a client that stands still holds no thread."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket; SetupFailed when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as failure:
        listener.close()
        raise SetupFailed(f"cannot listen on {host}:{port}: {failure.strerror}; choose another --port") from failure
    listener.listen(128)
    return listener


def locked(data: Path) -> IO[str]:
    """A lock on the data folder that lasts as long as the file stays open; SetupFailed when it is held."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (data / "forge.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        file.close()
        raise SetupFailed(f"another forge already serves {data}: stop it first") from failure
    return file


def serve(settings: ForgeSettings, listener: socket.socket, wrap: Wrap | None = None) -> None:
    """Serve until SIGTERM or SIGINT; says on standard output where it listens."""
    from waitress import create_server

    from forge.actions.pushes import recover
    from forge.app import create_app
    from forge.host import Host

    with locked(settings.data):
        host = Host(settings)
        recover(host)
        app = create_app(host)
        server = create_server(
            wrap(app) if wrap else app,
            sockets=[listener],
            threads=THREADS,
            ident=None,
            max_request_body_size=4 * 1024**3,
            channel_timeout=300,
            connection_limit=CONNECTIONS,
            outbuf_high_watermark=UNREAD_BYTES,
            asyncore_use_poll=True,
        )

        def stop(_signal: int, _frame: FrameType | None) -> None:
            raise SystemExit(0)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        host.sender.start()
        host.pruner.start()
        sys.stdout.write(json.dumps({"url": settings.url}) + "\n")
        sys.stdout.flush()
        logger.info("forge serves %s at %s", settings.data, settings.url)
        try:
            server.run()
        finally:
            server.close()
            host.pruner.stop()
            host.sender.stop()
            host.db.close()
            logger.info("forge stopped")
