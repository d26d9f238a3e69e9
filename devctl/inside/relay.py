"""Run a server inside an environment and pass connections from a Unix socket to its port.

Usage: relay.py SOCKET PORT COMMAND...  The socket appears once the server listens; the status is the
server's. The network of the environment stays closed: the socket lies in a folder that the host shares.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time


def main() -> int:
    """Start the server, wait until it listens, then relay until it ends."""
    path, port, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    server = subprocess.Popen(command)  # noqa: S603 - the command is what the sandbox exists for
    while server.poll() is None:
        if _listens(port):
            threading.Thread(target=_accept, args=(path, port), daemon=True).start()
            return server.wait()
        time.sleep(0.02)
    return server.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _accept(path: str, port: int) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    os.chmod(path + ".new", 0o666)  # noqa: S103, PTH101 - the folder is private; the host side may have another uid  # nosec B103 - the folder is private
    listener.listen(64)
    os.rename(path + ".new", path)  # noqa: PTH104 - this file also runs on old Pythons
    while True:
        outer, _ = listener.accept()
        try:
            inner = socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            outer.close()
            continue
        inner.settimeout(None)
        for source, target in ((outer, inner), (inner, outer)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main())
