"""git over smart HTTP: upload-pack and receive-pack in their stateless form.

The request is complete on disk before git starts, so a slow client holds no git process; the answer to a
fetch is streamed. Hooks are off, so what a hook would do is done here: the push commands are read from the
request, protected branches are refused before git runs, and events follow after it.
"""

import re
import tempfile
import threading
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import IO

from flask import Blueprint, Response, request

from forge.actions import protection, pushes
from forge.errors import BadRequest, GitFailed, NotFound, Unauthorized
from forge.git import refs
from forge.git.run import collect, kill
from forge.host import Act
from forge.records import RefChange
from forge.rest.request import act, identify, viewer

routes = Blueprint("githttp", __name__)
BASE = "/<owner>/<name>.git"
SERVICES = {"git-upload-pack": "upload-pack", "git-receive-pack": "receive-pack"}
MOST_BYTES = 4 * 1024**3
PIECE = 64 * 1024
_COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\0\n]+)")
_PROTOCOL = re.compile(r"version=[0-2]")


def packet(data: bytes) -> bytes:
    """One pkt-line."""
    return f"{len(data) + 4:04x}".encode() + data


def read_packets(source: IO[bytes], most: int = 10_000) -> list[bytes]:
    """The pkt-lines up to the first flush; BadRequest when they are not pkt-lines."""
    lines: list[bytes] = []
    while len(lines) < most:
        head = source.read(4)
        if not re.fullmatch(rb"[0-9a-fA-F]{4}", head):
            raise BadRequest("The request is not in git's packet format")
        length = int(head, 16)
        if length == 0:
            return lines
        if length < 4:
            raise BadRequest("The request is not in git's packet format")
        data = source.read(length - 4)
        if len(data) != length - 4:
            raise BadRequest("The request ends in the middle of a packet")
        lines.append(data)
    raise BadRequest(f"More than {most} refs in one push")


def commands(source: IO[bytes]) -> list[RefChange]:
    """The ref updates that a push asks for; the source is rewound."""
    source.seek(0)
    found = []
    for line in read_packets(source):
        match = _COMMAND.match(line)
        if match:
            name = match[3].decode("utf-8", "replace").strip()
            found.append(RefChange(ref=name, old=match[1].decode(), new=match[2].decode()))
    source.seek(0)
    return found


def _challenge(response: Response) -> Response:
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="forge", charset="UTF-8"'
    return response


routes.after_request(_challenge)


def _acting(owner: str, name: str, service: str) -> Act:
    """The person in the repository; a stranger is asked to sign in where that could help."""
    if service not in SERVICES:
        raise NotFound()
    identify()
    try:
        return act(owner, name, "write" if service == "git-receive-pack" else "read")
    except NotFound as hidden:
        if viewer() is None:
            raise Unauthorized("Authentication is needed for this repository") from hidden
        raise


def _environment() -> dict[str, str]:
    asked = request.headers.get("Git-Protocol", "")
    return {"GIT_PROTOCOL": asked} if _PROTOCOL.fullmatch(asked) else {}


@routes.get(f"{BASE}/info/refs")
def advertise(owner: str, name: str) -> Response:
    """The refs that a fetch or push begins with."""
    service = request.args.get("service", "")
    acting = _acting(owner, name, service)
    arguments = [SERVICES[service], "--stateless-rpc", "--advertise-refs", "."]
    output = acting.git.run(*arguments, env=_environment()).stdout
    head = (
        b"" if _environment() == {"GIT_PROTOCOL": "version=2"} else packet(f"# service={service}\n".encode()) + b"0000"
    )
    return _reply(head + output, f"application/x-{service}-advertisement")


def _reply(data: bytes | Iterator[bytes], kind: str) -> Response:
    response = Response(data, content_type=kind)
    response.headers["Cache-Control"] = "no-cache, max-age=0, must-revalidate"
    return response


def _spooled() -> IO[bytes]:
    """The request's body, unpacked, in a temporary file at its beginning."""
    target = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    packed = request.headers.get("Content-Encoding") in ("gzip", "x-gzip")
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    size = 0
    while piece := request.stream.read(PIECE):
        while piece:
            data = unpack.decompress(piece, PIECE * 16) if packed else piece
            piece = unpack.unconsumed_tail if packed else b""
            size += len(data)
            if size > MOST_BYTES:
                raise BadRequest(f"The request is longer than {MOST_BYTES} bytes")
            target.write(data)
    target.seek(0)
    return target


@routes.post(f"{BASE}/git-upload-pack")
def upload_pack(owner: str, name: str) -> Response:
    """Serve a fetch."""
    acting = _acting(owner, name, "git-upload-pack")
    pieces = _streamed(acting, _spooled(), _environment())
    first = next(pieces, b"")  # before the answer begins: git may refuse the whole repository
    return _reply(_resumed(first, pieces), "application/x-git-upload-pack-result")


def _resumed(first: bytes, pieces: Generator[bytes, None, None]) -> Iterator[bytes]:
    with closing(pieces):
        yield first
        yield from pieces


def _streamed(acting: Act, source: IO[bytes], env: dict[str, str]) -> Generator[bytes, None, None]:
    said = False
    with source, tempfile.TemporaryFile() as errors:
        arguments = ["upload-pack", "--stateless-rpc", "."]
        process = acting.git.start(arguments, stdin=source, stderr=errors, env=env)
        timer = threading.Timer(host_seconds(acting), kill, [process])
        timer.daemon = True
        timer.start()
        try:
            while process.stdout and (piece := process.stdout.read1(PIECE)):  # type: ignore[attr-defined]  # a BufferedReader
                said = True
                yield piece
            if process.wait() and not said:
                errors.seek(0)
                raise GitFailed(arguments, process.returncode, errors.read(2000).decode("utf-8", "replace"))
        finally:
            timer.cancel()
            kill(process)
            process.wait()
            if process.stdout:
                process.stdout.close()


def host_seconds(acting: Act) -> float:
    """How long one git process may run."""
    return acting.host.settings.git_seconds


@routes.post(f"{BASE}/git-receive-pack")
def receive_pack(owner: str, name: str) -> Response:
    """Take a push."""
    acting = _acting(owner, name, "git-receive-pack")
    kind = "application/x-git-receive-pack-result"
    with _spooled() as source:
        wanted = commands(source)
        refusal = _refusal(acting, wanted)
        if refusal:
            return _reply(refused(wanted, refusal), kind)
        with pushes.moving(acting, wanted) as moved:
            output, overran = _received(acting, source, _guards(acting, wanted))
            moved[:] = _done(acting, wanted)
    if overran:
        raise BadRequest(f"The push was {overran}")
    return _reply(output, kind)


def _done(acting: Act, wanted: list[RefChange]) -> list[RefChange]:
    found = refs.objects(acting.git, [change.ref for change in wanted]) if wanted else []
    tips = [each[0] if each else refs.ZERO for each in found]
    return [change for change, tip in zip(wanted, tips, strict=True) if change.new == tip]


def _refusal(acting: Act, wanted: list[RefChange]) -> str:
    for change in wanted:
        if not change.ref.startswith((refs.HEADS, refs.TAGS)) or "\n" in change.ref:
            return "only branches and tags can be pushed"
        branch = change.ref.removeprefix(refs.HEADS)
        rules = protection.rules_of(acting, branch) if change.ref.startswith(refs.HEADS) else None
        reason = protection.refuses_push(rules, deletes=change.new == refs.ZERO) if rules else None
        if reason:
            return f"protected branch hook declined: {reason}"
    return ""


def _guards(acting: Act, wanted: list[RefChange]) -> tuple[str, ...]:
    """Settings with which git itself refuses to rewind a protected branch."""
    for change in wanted:
        rules = protection.rules_of(acting, change.ref.removeprefix(refs.HEADS))
        if rules and not rules.allow_force_pushes:
            return ("receive.denyNonFastForwards=true",)
    return ()


def _received(acting: Act, source: IO[bytes], config: tuple[str, ...]) -> tuple[bytes, str]:
    """What git said, and the limit that it was killed at, if any; it may have moved refs before."""
    with tempfile.TemporaryFile() as errors:
        arguments = ["receive-pack", "--stateless-rpc", "."]
        process = acting.git.start(arguments, stdin=source, stderr=errors, env=_environment(), config=config)
        return collect(process, host_seconds(acting), 16 * 1024 * 1024)


def refused(wanted: list[RefChange], reason: str) -> bytes:
    """The report of a push of which nothing was taken, as receive-pack writes it over the side band."""
    report = packet(b"unpack ok\n")
    for change in wanted:
        report += packet(f"ng {change.ref} {reason}\n".encode())
    report += b"0000"
    message = packet(b"\x02GH006: Protected branch update failed.\n")
    return message + packet(b"\x01" + report) + b"0000"
