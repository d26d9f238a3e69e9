"""Run a command inside an environment and pass connections from a local port to a Unix socket of the host.

Usage: gateway.py SOCKET PORT COMMAND...  The port is on the environment's own loopback; its network stays closed.
The status is the command's.
"""

import contextlib
import socket
import subprocess
import sys
import threading


def main() -> int:
    """Listen, then run the command to its end."""
    path, port, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    threading.Thread(target=_accept, args=(listener, path), daemon=True).start()
    return subprocess.call(command)  # noqa: S603 - the command is what the sandbox exists for


def _accept(listener: socket.socket, path: str) -> None:
    while True:
        inner, _ = listener.accept()
        outer = socket.socket(socket.AF_UNIX)
        try:
            outer.connect(path)
        except OSError:
            inner.close()
            continue
        for source, target in ((inner, outer), (outer, inner)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main())
