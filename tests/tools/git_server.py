"""Git's own HTTP server behind basic authentication, for tests of what git says over the wire."""

import base64
import contextlib
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class GitServer:
    """Serves the bare repositories of a folder; the token `reader` may fetch, `writer` may push too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        """The path of each request for a pack, in their order."""
        self.held_from: int | None = None
        """So many of them are answered, the next ones only when `released` is set."""
        self.released = threading.Event()
        self.moved: dict[str, str] = {}
        """Beginnings of paths, and the address that each is sent on to."""
        self.shown: list[str] = []
        """The passwords that came with requests."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class, made for one server
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - the library's name
            self._serve()

        def do_POST(self) -> None:  # noqa: N802 - the library's name
            self._serve()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def _serve(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            for before, now in server.moved.items():
                if path.startswith(before):
                    self.send_response(301)
                    self.send_header("Location", now + self.path.removeprefix(before))
                    self.end_headers()
                    return
            status = self._refusal(path, query)
            if status:
                self.send_response(status)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.end_headers()
                return
            if path.endswith("/git-upload-pack") and b"command=ls-refs" not in body:
                server.asked.append(path)
                if server.held_from is not None and len(server.asked) > server.held_from:
                    server.released.wait(60)
            done = subprocess.run(
                ["git", "http-backend"],
                input=body,
                env=self._environment(path, query),
                capture_output=True,
                check=False,
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = [line.decode().split(": ", 1) for line in head.split(b"\r\n")]
            found = dict((name, value) for name, value in headers)
            self.send_response(int(found.pop("Status", "200").split(" ")[0]))
            for name, value in found.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # whoever asked is gone
                self.wfile.write(content)

        def _environment(self, path: str, query: str) -> dict[str, str]:
            return {
                "PATH": os.defpath,
                "GIT_PROJECT_ROOT": str(server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                "REMOTE_USER": "someone",
            }

        def _refusal(self, path: str, query: str) -> int:
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            password = base64.b64decode(given).decode().partition(":")[2]
            if password:
                server.shown.append(password)
            if path.startswith("/busy"):
                return 503
            if password not in {"reader", "writer"}:
                return 401
            pushes = "receive-pack" in path or "receive-pack" in query
            return 403 if pushes and password != "writer" else 0

    return Handler
