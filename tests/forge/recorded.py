"""`python -m tests.forge.recorded FILE ARGUMENTS...`: a forge that writes down what it answers.

The first line of the file lists the forge's routes, each further line is one answer, or one program that was started
while the thread that started it kept all others from writing to the database. An answer is on disk before its client
has it, so a test that got an answer finds its line.
"""

import json
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from forge.__main__ import main
from forge.host import Host
from forge.server import Wrap

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

JSON = "application/json"


class Recorder:
    """A WSGI layer around the forge's application."""

    def __init__(self, app: Flask, file: Path) -> None:
        self._app = app
        self._file = file
        self._lock = threading.Lock()
        rules = list(app.url_map.iter_rules())
        self._write({"routes": sorted([verb, rule.rule] for rule in rules for verb in _verbs(rule.methods))})
        self._host: Host = app.extensions["forge"]
        sys.addaudithook(self._watch)

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            with self._host.db.read() as db:
                if db.in_transaction:
                    self._write({"locked": [str(each) for each in arguments[1]]})

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer as the forge does; JSON is gathered before it goes out, anything else streams through."""
        seen: dict[str, Any] = {}

        def noticed(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            kinds = [value for name, value in headers if name.lower() == "content-type"]
            seen.update(status=int(status[:3]), type=kinds[0].partition(";")[0] if kinds else None)
            return start_response(status, headers, exc_info)

        asked = self._asked(environ)
        parts = self._app(environ, noticed)
        if seen["type"] != JSON:
            self._write({**asked, **seen, "body": None})
            return parts
        try:
            whole = b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()
        self._write({**asked, **seen, "body": whole.decode()})
        return [whole]

    def _asked(self, environ: "WSGIEnvironment") -> dict[str, str | None]:
        request = Request(environ)
        try:
            rule, _ = self._app.url_map.bind_to_environ(environ).match(return_rule=True)
            name: str | None = rule.rule
        except HTTPException:
            name = None
        return {"method": request.method, "path": request.path, "rule": name}

    def _write(self, line: dict[str, Any]) -> None:
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps(line) + "\n")


def _verbs(methods: set[str] | None) -> set[str]:
    return (methods or set()) - {"HEAD", "OPTIONS"}


def wrapping(file: Path) -> Wrap:
    """What puts a recorder around an application."""

    def wrap(app: Flask) -> "WSGIApplication":
        return Recorder(app, file)

    return wrap


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[2:], wrap=wrapping(Path(sys.argv[1]))))
