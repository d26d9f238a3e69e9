"""Connect standard input and output to a port of the environment's loopback.

Usage: connect.py PORT. Prints one zero byte once it is connected; the status is 111 where nothing listens.
"""

import contextlib
import os
import socket
import sys
import threading


def main() -> int:
    """Pass bytes both ways until the server has closed."""
    port = int(sys.argv[1])
    connection = None
    for address in ("127.0.0.1", "::1"):
        try:
            connection = socket.create_connection((address, port), timeout=10)
            break
        except OSError:
            continue
    if connection is None:
        return 111
    connection.settimeout(None)
    os.write(1, b"\0")
    threading.Thread(target=_send, args=(connection,), daemon=True).start()
    with contextlib.suppress(OSError):
        while True:
            data = connection.recv(65536)
            if not data:
                break
            while data:
                data = data[os.write(1, data) :]
    return 0


def _send(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            data = os.read(0, 65536)
            if not data:
                break
            connection.sendall(data)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main())
