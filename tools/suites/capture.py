"""Command lines around a command: one that keeps its output as its report, one with a server beside it."""

import shlex

from tools.suites.command import Server
from tools.suites.runner import Place


def captured(text: str, place: Place, *, errors: bool) -> str:
    """The command with its output in the report's file, and its errors there too or still shown."""
    both = " 2>&1" if errors else ""
    return f"{{ {text}\n}} > {shlex.quote(place.report)}{both}"


def beside(server: Server, place: Place, text: str) -> str:
    """The command after a server that listens; the server ends with the call, whose status is the command's."""
    log = shlex.quote(f"{place.root}/{place.private}.server")
    tries = max(1, int(server.seconds * 10))
    listens = f"(exec 3<>/dev/tcp/127.0.0.1/{server.port}) 2>/dev/null"
    return (
        f"bash -c {shlex.quote(server.run)} > {log} 2>&1 &\n"
        f"for try in $(seq {tries}); do {listens} && break; sleep 0.1; done\n"
        f"{listens} || {{ echo 'the server does not listen on port {server.port}:'; tail -c 4000 {log}; exit 1; }}\n"
        f"{text}"
    )
