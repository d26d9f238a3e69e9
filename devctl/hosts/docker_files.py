"""Copying in and out of the containers of kept environments; links are never followed, sizes are limited."""

import base64
import json
from pathlib import Path, PurePosixPath

import docker
from docker.errors import NotFound

from devctl import archives
from devctl.errors import PathRefused
from devctl.files import Budget
from devctl.fleet.records import EnvironmentRecord, Host
from devctl.hosts.docker_client import SECONDS, translated
from devctl.hosts.paths import steps_of

_LINK = 1 << 27
"""The engine's bit for a symbolic link."""
_STAT = "X-Docker-Container-Path-Stat"


def put(
    client: docker.DockerClient,
    host: Host,
    record: EnvironmentRecord,
    owner: tuple[int, int],
    source: Path,
    target: str,
) -> None:
    """Copy a file, or what a folder holds, into the work folder."""
    workdir = record.spec.workdir
    steps = steps_of(target, workdir)
    source = source.resolve()
    if not source.is_dir() and not source.is_file():
        raise PathRefused(f"{source} is no file or folder", "check the path")
    _refuse_links(client, host, record, steps)
    if source.is_file() and not steps:
        steps = (source.name,)
    with (
        archives.of_path(source, steps, owner[0], Budget(record.spec.limits.disk_mb)) as archive,
        translated(host, record.name),
    ):
        client.api.put_archive(record.container_reference, workdir, archive)


def get(
    client: docker.DockerClient, host: Host, record: EnvironmentRecord, source: str, target: Path
) -> tuple[str, ...]:
    """Copy a file, or what a folder holds, out of the work folder; returns what was left out."""
    workdir = record.spec.workdir
    steps = steps_of(source, workdir)
    _refuse_links(client, host, record, steps)
    try:
        stream, _ = client.api.get_archive(record.container_reference, str(PurePosixPath(workdir, *steps)))
    except NotFound as error:
        raise PathRefused(f"{source!r} is not there", "check the path") from error
    with translated(host, record.name):
        return archives.receive(iter(stream), target, Budget(record.spec.limits.disk_mb))


def _refuse_links(client: docker.DockerClient, host: Host, record: EnvironmentRecord, steps: tuple[str, ...]) -> None:
    """Refuse a path through a link: the engine would follow one in the middle of a path."""
    for count in range(len(steps)):
        path = str(PurePosixPath(record.spec.workdir, *steps[: count + 1]))
        with translated(host, record.name):
            mode = _mode(client, record.container_reference, path)
        if mode is None:
            return
        if mode & _LINK:
            raise PathRefused(
                f"{'/'.join(steps)!r} leads through a link; links are not followed", "name what it points to"
            )


def _mode(client: docker.DockerClient, container: str, path: str) -> int | None:
    """The mode of a path in the engine's own bits; None where nothing is there."""
    api = client.api
    answer = api.head(
        f"{api.base_url}/v{api.api_version}/containers/{container}/archive", params={"path": path}, timeout=SECONDS
    )
    told = answer.headers.get(_STAT)
    return int(json.loads(base64.b64decode(told))["mode"]) if answer.ok and told else None
