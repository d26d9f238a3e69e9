"""`python -m local.replay`: an OpenAI-compatible endpoint that answers from recorded transcripts.

For the demo and for tests. An answer is found by the header X-Roadcrew-Turn and is given only if the request
is the recorded one in what counts (`local.replay_compare`); otherwise 409 says what differs.
"""

import argparse
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local.transcript import TranscriptError, read_transcripts

_THREADS = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until terminated; 2 when the transcripts cannot be used or the port is taken."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(
        filename=given.log,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    try:
        entries = read_transcripts(given.transcript)
    except TranscriptError as error:
        return _fail(str(error))

    from waitress.server import create_server

    from local.replay_server import create_replay

    try:
        server = create_server(create_replay(entries), host="127.0.0.1", port=given.port, threads=_THREADS)
    except OSError as error:
        return _fail(f"cannot listen on port {given.port}: {error.strerror}; choose another, or 0 for a free one")
    signal.signal(signal.SIGTERM, _interrupt)
    _say({"base_url": f"http://127.0.0.1:{server.effective_port}/v1"})
    try:
        server.run()
    finally:
        server.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.replay", description="Answer from transcripts.")
    parser.add_argument("--transcript", type=Path, action="append", required=True, metavar="FILE", help="repeatable")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--log", type=Path, help="file for the log; standard error if not given")
    return parser


def _interrupt(number: int, frame: object) -> None:
    raise SystemExit(0)


def _say(value: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _fail(message: str) -> int:
    sys.stderr.write(f"replay: {message}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
