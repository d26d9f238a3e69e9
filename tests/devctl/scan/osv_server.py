"""A small server that speaks OSV's protocol: batches of queries, pages, advisories by id."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Advisories = dict[str, dict[str, object]]


@contextmanager
def serving(advisories: Advisories, asked: list[str] | None = None) -> Iterator[str]:
    """Serve these advisories; each affects the packages that it names, in the versions that it lists."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            self._answer({"results": [_matching(advisories, query) for query in queries]})

        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[-1]
            self._answer(advisories.get(name), 200 if name in advisories else 404)

        def _answer(self, body: object, status: int = 200) -> None:
            if asked is not None:
                asked.append(self.path)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _matching(advisories: Advisories, query: dict[str, object]) -> dict[str, object]:
    """One advisory a page, so that pages are asked for."""
    package = query["package"]
    found = [
        name
        for name, advisory in advisories.items()
        for affected in advisory.get("affected", [])  # type: ignore[attr-defined] # a test's own data
        if affected["package"] == package and query["version"] in affected["versions"]
    ]
    page = int(re.sub(r"\D", "", str(query.get("page_token", ""))) or 0)
    answer: dict[str, object] = {
        "vulns": [{"id": name, "modified": "2026-01-01T00:00:00Z"} for name in found[page : page + 1]]
    }
    return answer | ({"next_page_token": f"page-{page + 1}"} if len(found) > page + 1 else {})
