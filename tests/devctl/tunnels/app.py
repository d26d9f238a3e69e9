"""A program that is served inside an environment: it says what it was asked, and speaks on after an upgrade."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/ws"):
            self._speak()
            return
        if self.path.startswith("/stream"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"one", b"two"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
            return
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: bytes) -> None:
        said = {
            "path": self.path, "headers": [[key.lower(), value] for key, value in self.headers.items()],
            "body": len(body), "peer": self.client_address[1],
        }  # fmt: skip
        data = json.dumps(said).encode()
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Set-Cookie", "app=1; Path=/")
        self.send_header("Set-Cookie", "__Host-devctl-evil=1; Path=/")
        self.send_header("Keep-Alive", "timeout=5")
        self.send_header("Strict-Transport-Security", "max-age=9999")
        self.send_header("Location", f"http://{self.headers['Host']}/next")
        self.end_headers()
        self.wfile.write(data)

    def _speak(self) -> None:
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.end_headers()
        self.wfile.write(b"hello")
        while data := self.connection.recv(65_536):
            self.wfile.write(data.upper())
        self.close_connection = True


server = ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
sys.stdout.write("ready\n")
sys.stdout.flush()
server.serve_forever()
