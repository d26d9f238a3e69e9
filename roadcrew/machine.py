"""Probes of this machine: each finds one thing the work needs, and says why it matters and how to mend it."""

import http.client
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from roadcrew.settings import Settings

GIT_NEEDED = (2, 38)
GLIBC_NEEDED = (2, 28)
FREE_NEEDED = 2_000_000_000
"""Bytes: the servers take 0.3 GB, prepared environments and clones the rest."""


class Finding(BaseModel):
    """One thing that was looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    state: Literal["ok", "warning", "missing"]
    """A warning leaves the work possible; what is missing does not."""
    detail: str
    """What was found."""
    why: str = ""
    fix: str = ""


def python_version() -> Finding:
    """Find the Python that runs this; an older one could not."""
    return Finding(name="python", state="ok", detail=f"{platform.python_version()} at {sys.executable}")


def git_version() -> Finding:
    """Find git and whether it can merge without a work tree."""
    why = "branches are merged without a work tree, which git can since 2.38"
    git = shutil.which("git")
    if git is None:
        return Finding(name="git", state="missing", detail="not installed", why=why, fix="install git 2.38 or later")
    said = subprocess.run([git, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout.strip()
    numbers = re.search(r"(\d+)\.(\d+)", said)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < GIT_NEEDED:
        return Finding(name="git", state="missing", detail=said or "no answer", why=why, fix="install a newer git")
    return Finding(name="git", state="ok", detail=said)


def glibc() -> Finding:
    """Find the C library that the embedded servers' wheels need."""
    if sys.platform != "linux":
        return Finding(name="glibc", state="ok", detail=f"not needed on {sys.platform}")
    name, version = platform.libc_ver()
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if name == "glibc" and numbers >= GLIBC_NEEDED:
        return Finding(name="glibc", state="ok", detail=version)
    return Finding(
        name="glibc",
        state="missing",
        detail=f"{name or 'another C library'} {version}".strip(),
        why="the embedded servers are built for glibc 2.28 and later",
        fix="use Debian 12, Ubuntu 22.04, RHEL 9 or later, or set DATABASE_URL and NEO4J_URI",
    )


def disk(workspace: Path) -> Finding:
    """Find whether the workspace's disk has room."""
    place = next(folder for folder in (workspace, *workspace.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / 1e9:.1f} GB free for {workspace}"
    if free >= FREE_NEEDED:
        return Finding(name="disk", state="ok", detail=detail)
    return Finding(
        name="disk",
        state="missing" if free < FREE_NEEDED / 10 else "warning",
        detail=detail,
        why="the servers, clones and prepared environments take about 2 GB",
        fix="free some space, or put the workspace elsewhere with ROADCREW_WORKSPACE",
    )


def user_namespaces() -> Finding:
    """Find whether bubblewrap can make a sandbox here."""
    name = "user namespaces"
    unshare = shutil.which("unshare") if sys.platform == "linux" else None
    if unshare is None:
        return Finding(name=name, state="warning", detail="not to be had here")
    tried = subprocess.run(
        [unshare, "--user", "--map-root-user", "--net", "true"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    if tried.returncode == 0:
        return Finding(name=name, state="ok", detail="can be made")
    return Finding(
        name=name,
        state="warning",
        detail=tried.stderr.strip() or "refused",
        why="the built-in sandbox (bubblewrap) is made of them",
        fix="sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), or use Docker",
    )


def docker_engine(docker_host: str | None) -> Finding:
    """Find whether a Docker Engine answers on its socket; other addresses are tried when they are used."""
    if docker_host is not None and not docker_host.startswith("unix://"):
        return Finding(name="docker", state="ok", detail=f"DOCKER_HOST is {docker_host} (not tried)")
    path = (docker_host or "unix:///var/run/docker.sock").removeprefix("unix://")
    try:
        version = _ask_socket(path, "/version")
    except OSError as error:
        return Finding(
            name="docker",
            state="warning",
            detail=f"nothing answers at {path} ({error.strerror or error})",
            why="Docker is the sandbox for images and on macOS",
            fix="start Docker, or let this user reach its socket (group docker)",
        )
    return Finding(name="docker", state="ok", detail=f"answers at {path} ({version})")


def sandboxes(namespaces: Finding, docker: Finding) -> Iterator[Finding]:
    """Yield both ways to a sandbox; that none is there stops the work."""
    yield namespaces
    yield docker
    if "ok" not in {namespaces.state, docker.state}:
        yield Finding(
            name="sandbox",
            state="missing",
            detail="neither user namespaces nor Docker",
            why="a model's commands run in a sandbox only",
            fix="allow user namespaces or start Docker (above); --unsandboxed runs without, at your own risk",
        )


def model_endpoint(settings: Settings) -> Finding:
    """Find whether a model is set and its endpoint answers; no model is asked anything."""
    why = "five of the roles ask a model; the demo needs none"
    if settings.model.api_key is None and settings.model.base_url is None:
        fix = "set OPENAI_API_KEY, and OPENAI_BASE_URL for an endpoint of your own, and ROADCREW_MODEL"
        return Finding(name="model", state="warning", detail="none is set", why=why, fix=fix)
    if settings.model.name is None:
        fix = "set ROADCREW_MODEL, or model in roadcrew.toml"
        return Finding(name="model", state="warning", detail="no model is named", why=why, fix=fix)
    url = settings.model.base_url or "https://api.openai.com/v1"
    try:
        status = _ask_models(url, settings.model.api_key.get_secret_value() if settings.model.api_key else "")
    except (OSError, http.client.HTTPException) as error:
        fix = "start the endpoint, or mend OPENAI_BASE_URL"
        return Finding(name="model", state="missing", detail=f"{url} does not answer: {error}", why=why, fix=fix)
    if status in {401, 403}:
        fix = "mend OPENAI_API_KEY"
        return Finding(name="model", state="missing", detail=f"{url} refuses the key ({status})", why=why, fix=fix)
    return Finding(name="model", state="ok", detail=f"{settings.model.name} at {url} (answers {status})")


def _ask_socket(path: str, route: str) -> str:
    """Return the version that an engine on a Unix socket tells, raising OSError."""
    connection = http.client.HTTPConnection("localhost", timeout=5)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unix:
        unix.settimeout(5)
        unix.connect(path)
        connection.sock = unix
        connection.request("GET", route)
        said = connection.getresponse().read(100_000).decode(errors="replace")
    found = re.search(r'"Version"\s*:\s*"([^"]+)"', said)
    return found[1] if found else "of an unknown version"


def _ask_models(base_url: str, key: str) -> int:
    """Return the status with which the endpoint answers for its list of models, raising OSError."""
    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", f"{parts.path}/models", headers={"Authorization": f"Bearer {key}"})
        return connection.getresponse().status
    finally:
        connection.close()
