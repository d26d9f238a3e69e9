"""Connections to Docker engines, and what an engine says put into devctl's words."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.tls import TLSConfig

from devctl.errors import EnvironmentGone, HostUnreachable, LaunchFailed
from devctl.fleet.records import Host
from devctl.hosts.unix_transport import SocketAdapter

SECONDS = 60
"""Time limit of one call; a commit or a pull has its own."""
NEWEST = "1.44"
"""The newest version of the engine's API that the SDK knows; older engines are spoken to in theirs."""
FULL_HINT = "make room on the host: remove environments, snapshots or images"
CONNECTIONS = 64
"""Kept per host, so that many threads launch at once."""


def connect(host: Host, seconds: int = SECONDS) -> docker.DockerClient:
    """Connect to the engine of a host; raises HostUnreachable."""
    try:
        if host.address.startswith("unix:"):
            _try_socket(host.address)
        client = _client(host, seconds, NEWEST)
    except (DockerException, OSError) as error:
        raise _unreachable(host, error) from error
    try:
        told = str(client.api.version(api_version=False)["ApiVersion"])
    except (DockerException, OSError) as error:
        client.close()
        raise _unreachable(host, error) from error
    if _number(told) < _number(NEWEST):
        client.close()
        client = _client(host, seconds, told)
    return client


def _client(host: Host, seconds: int, version: str) -> docker.DockerClient:
    """A client that speaks a version of the engine's API; nothing is sent yet.

    It does not heed the variables of this process: a proxy or a bundle of authorities is not meant for engines.
    """
    client = docker.DockerClient(
        base_url=host.address,
        version=version,
        tls=_tls(host.tls) if host.tls is not None else False,
        timeout=seconds,
        max_pool_size=CONNECTIONS,
    )
    client.api.trust_env = False
    if host.address.startswith("unix:"):
        client.api.close()
        client.api.mount("http+docker://", SocketAdapter(host.address, seconds, CONNECTIONS))
    return client


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _tls(folder: Path) -> TLSConfig:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        if not (folder / name).is_file():
            raise OSError(f"{folder} holds no {name}")
    return TLSConfig(
        client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")), ca_cert=str(folder / "ca.pem"), verify=True
    )


def _try_socket(address: str) -> None:
    """Connect to a local engine once: the SDK leaves its socket open when nobody answers. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(10)
        probe.connect("/" + address.removeprefix("unix:").lstrip("/"))


def _unreachable(host: Host, error: BaseException) -> HostUnreachable:
    return HostUnreachable(
        f"the Docker engine of the host {host.name} does not answer at {host.address}: {cause(error)}",
        "start Docker there, or set DOCKER_HOST to an engine that answers",
    )


@contextmanager
def translated(host: Host, name: str) -> Iterator[None]:
    """Put what an engine says about an environment into devctl's words."""
    try:
        yield
    except NotFound as error:
        raise EnvironmentGone(
            f"{name!r} has no container on {host.name} any more", "remove it and make it anew"
        ) from error
    except APIError as error:
        raise LaunchFailed(
            f"the engine of {host.name} refused, for {name!r}: {cause(error)}", hint_for(error)
        ) from error
    except requests.exceptions.Timeout as error:
        raise HostUnreachable(
            f"the engine of {host.name} did not answer in time, about {name!r}", "look after it, or try again"
        ) from error
    except (DockerException, OSError) as error:
        raise _unreachable(host, error) from error


@contextmanager
def translated_launch(host: Host, name: str, image: str) -> Iterator[None]:
    """The same for a launch, in which a missing thing is the image."""
    try:
        with translated(host, name):
            yield
    except EnvironmentGone as error:
        if isinstance(error.__cause__, ImageNotFound) or "image" in str(error.__cause__).lower():
            raise LaunchFailed(
                f"the image {image!r} is not on {host.name}", "build or pull it, or name one that is there"
            ) from error
        raise


def is_full(words: str) -> bool:
    """Whether an engine's words say that its disk is full."""
    return "no space left" in words.lower() or "disk quota" in words.lower()


def hint_for(error: APIError) -> str:
    """What can be done about an engine's refusal."""
    words = str(error).lower()
    if is_full(words):
        return FULL_HINT
    if "executable file not found" in words:
        return "the image lacks that program; environments need at least `sh` and `sleep`"
    return "read the engine's words, and its log"


def cause(error: BaseException) -> str:
    """The engine's own words, cut to a readable length."""
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()[-400:]
