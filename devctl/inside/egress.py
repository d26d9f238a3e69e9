"""Become a command, with a process beside it that passes connections from a local port to a Unix socket.

Usage: egress.py SOCKET PORT COMMAND...  The port is on the environment's own loopback; its network stays closed.
The relay ends with its container or sandbox.
"""

import contextlib
import os
import socket
import sys
import threading


def main() -> None:
    """Listen, leave a relay behind, and become the command."""
    path, port, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    if os.fork() == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)  # whoever waits for the end of the command's output must not wait for us
        _accept(listener, path)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is what the sandbox exists for  # nosec B606 - as said
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)


def _accept(listener: socket.socket, path: str) -> None:
    while True:
        inner, _ = listener.accept()
        outer = socket.socket(socket.AF_UNIX)
        try:
            outer.connect(path)
        except OSError:
            inner.close()
            outer.close()
            continue
        threading.Thread(target=_relay, args=(inner, outer), daemon=True).start()


def _relay(inner: socket.socket, outer: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(outer, inner), daemon=True)
    back.start()
    _pump(inner, outer)
    back.join()
    inner.close()
    outer.close()


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
    main()
