"""Files in and out of environments as tar archives, and trees that wait for their launch."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from devctl.archives import of_path, unpack
from devctl.files import Budget
from devctl.serve.records import FilesQuery, LeftOut, NamePath, Upload
from devctl.serve.routing import TAR, blueprint, caller, reply, reply_stream, route, service
from devctl.serve.uploads import read_body

LEFT_OUT = "Devctl-Left-Out"
"""Header: a JSON list of what a download left out, as far as a header holds it."""
_HEADER_BYTES = 4_000
_CHUNK = 262_144


def put_files(path: NamePath, query: FilesQuery) -> Response:
    """Unpack a tar archive into a folder of the work folder, over what is there."""
    service().fleet.get(caller(), path.name)
    with tempfile.TemporaryDirectory(prefix="devctl-put-") as folder:
        left_out = unpack(read_body(request.stream), Path(folder), Budget(service().settings.body_mb))
        service().fleet.put(caller(), path.name, Path(folder), query.path)
    return reply(LeftOut(left_out=left_out))


def get_files(path: NamePath, query: FilesQuery) -> Response:
    """Read a file or a folder as a tar archive with one entry at its top; links are never followed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="devctl-get-")))
        name = Path(query.path).name or "work"
        left_out = service().fleet.get_files(caller(), path.name, query.path, folder / name)
        budget = Budget(service().settings.body_mb)
        archive = stack.enter_context(of_path(folder / name, (name,), 0, budget))
        response = reply_stream(_chunks(archive.read, stack.pop_all()), TAR)
        response.headers[LEFT_OUT] = _header(left_out)
        return response


def upload_tree() -> Response:
    """Send the tree of a launch ahead, as a tar archive."""
    upload = service().uploads.add(caller(), read_body(request.stream), service().settings.body_mb)
    return reply(upload, 201)


def api() -> APIBlueprint:
    """The routes."""
    made = blueprint("files", "Files in and out")
    route(made, "PUT", "/environments/<string:name>/files", put_files, {200: LeftOut})
    route(made, "GET", "/environments/<string:name>/files", get_files, {200: TAR})
    route(made, "POST", "/uploads", upload_tree, {201: Upload})
    return made


def _header(left_out: tuple[str, ...]) -> str:
    kept: list[str] = []
    for name in left_out:
        if len(json.dumps([*kept, name])) > _HEADER_BYTES:
            break
        kept.append(name)
    return json.dumps(kept)


def _chunks(read: Callable[[int], bytes], stack: ExitStack) -> Iterator[bytes]:
    with stack:
        while chunk := read(_CHUNK):
            yield chunk
