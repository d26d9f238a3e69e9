"""`python -m forge --data DIR --port N --admin-token-file FILE`: run a forge in the foreground."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from forge.errors import SetupFailed
from forge.server import LOOPBACK, Wrap, bound_socket, serve
from forge.settings import ForgeSettings


def main(arguments: Sequence[str] | None = None, wrap: Wrap | None = None) -> int:
    """Serve until told to stop, inside the layer that `wrap` makes, if any; 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m forge", description="A local GitHub-compatible code host.")
    parser.add_argument("--data", type=Path, required=True, help="folder for the database and repositories")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--url", help="address under which others reach it, when it differs")
    parser.add_argument("--requests-per-hour", type=int, default=1_000_000, help="to the API, by one person")
    parser.add_argument("--admin-token-file", type=Path, required=True, help="file with the operator's token")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    try:
        listener = bound_socket(chosen.host, chosen.port)
        shown = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
        settings = ForgeSettings(
            data=chosen.data.resolve(),
            url=(chosen.url or f"http://{shown}:{listener.getsockname()[1]}").rstrip("/"),
            admin_token=_token(chosen.admin_token_file),
            requests_per_hour=chosen.requests_per_hour,
            trusted_hosts=LOOPBACK if chosen.host in ("127.0.0.1", "localhost", "::1") and not chosen.url else None,
        )
        serve(settings, listener, wrap)
    except SetupFailed as failure:
        sys.stderr.write(f"forge: {failure}\n")
        return 2
    return 0


def _token(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except OSError as failure:
        raise SetupFailed(f"cannot read the operator's token from {path}: {failure.strerror}") from failure
    if len(token) < 16:
        raise SetupFailed(f"the operator's token in {path} is too short: use at least 16 characters")
    return token


if __name__ == "__main__":
    raise SystemExit(main())
