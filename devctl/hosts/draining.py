"""A command's stream read to its end, or to the end of its time."""

import contextlib
import threading

from devctl.capture import MiddleCut
from devctl.hosts.engine import ExecRequest, ExecStream


def run_stream(stream: ExecStream, request: ExecRequest, output: MiddleCut) -> bool:
    """Feed a command its input and collect its output; says whether its time was up first.

    Raises what reading the stream raised.
    """
    broken: list[Exception] = []
    reader = threading.Thread(target=_drain, args=(stream, output, broken), daemon=True)
    if request.stdin:
        threading.Thread(target=_feed, args=(stream, request.stdin), daemon=True).start()
    else:
        stream.close_input()
    reader.start()
    reader.join(request.seconds)
    if reader.is_alive():
        return True
    if broken:
        raise broken[0]
    return False


def _drain(stream: ExecStream, output: MiddleCut, broken: list[Exception]) -> None:
    try:
        while (part := stream.read()) is not None:
            output.add(part[1])
    except (OSError, ValueError) as error:
        broken.append(error)


def _feed(stream: ExecStream, data: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):  # how the command ends says what was wrong, and its time may be up
        try:
            stream.write(data)
        finally:
            stream.close_input()
