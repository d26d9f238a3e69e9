"""An endpoint that answers at once from a script, and notes when each request came in.

    python -m bench.instant --steps 40 --log requests.jsonl

Prints its address. Every agent that asks is led through the same conversation: so many commands, then the end. The
requests of Roadcrew say by a header who asks; any other agent is taken for one that hands in by a command.
"""

from __future__ import annotations

import argparse
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.step_script import command, ending, plan

COMPLETION = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "gpt-4o"}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 20, "total_tokens": 1020}


class Script(BaseHTTPRequestHandler):
    """Answers one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    steps: int
    log: Path

    def do_POST(self) -> None:
        at = time.monotonic()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        turn = self.headers.get("X-Roadcrew-Turn", "")
        message = self._reply(turn, body)
        choice = {
            "index": 0,
            "message": {"role": "assistant", **message},
            "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
        }
        data = json.dumps({**COMPLETION, "choices": [choice], "usage": USAGE}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        with self.log.open("a") as file:
            file.write(json.dumps({"turn": turn, "came": at, "left": time.monotonic()}) + "\n")

    def _reply(self, turn: str, body: dict[str, Any]) -> dict[str, Any]:
        role = turn.split("/")[2] if turn else "peer"
        done = sum(message["role"] == "assistant" for message in body["messages"])
        if role == "planner":
            return {"content": json.dumps(plan())}
        if role == "researcher":
            return _call("submit", {"report": "## Findings\n- none: nothing was looked for\n"}, done)
        if done < self.steps:
            return _call("bash", {"command": command(done)}, done)
        name, arguments = ending(role)
        return _call(name, arguments, done)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing; the log has what is measured."""


def _call(name: str, arguments: dict[str, str], number: int) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "content": "Next.",
        "tool_calls": [{"id": f"call-{number}", "type": "function", "function": function}],
    }


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--log", type=Path, required=True)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Script,), {"steps": given.steps, "log": given.log}))
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
