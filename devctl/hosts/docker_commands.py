"""Commands in the containers of kept environments, ports, and secrets."""

import posixpath
import socket
import time
from collections.abc import Mapping

import docker

from devctl.capture import TIMED_OUT, MiddleCut
from devctl.errors import DevctlError, LaunchFailed, ServeFailed
from devctl.fleet.records import EnvironmentRecord, Host
from devctl.hosts import containers
from devctl.hosts.docker_client import translated
from devctl.hosts.docker_streams import DockerStream
from devctl.hosts.draining import run_stream
from devctl.hosts.engine import ExecRequest
from devctl.hosts.piping import as_socket
from devctl.records import ExecResult

_SECRET = f'umask 077; rm -f "{containers.SECRETS}/$1"; cat >"{containers.SECRETS}/$1"'
# The first byte says that it is connected; where no Python tells, it is taken for granted.
_CONNECT = """
if command -v python3 >/dev/null 2>&1; then exec python3 -I /opt/devctl/inside/connect.py "$1"; fi
printf '\\0'
if command -v socat >/dev/null 2>&1; then exec socat - "TCP:127.0.0.1:$1"; fi
if command -v bash >/dev/null 2>&1; then
  exec bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 111; cat >&3 & cat <&3; kill $!' bash "$1"
fi
exec nc 127.0.0.1 "$1"
"""


def open_stream(
    client: docker.DockerClient, host: Host, record: EnvironmentRecord, request: ExecRequest
) -> DockerStream:
    """Start a command as a stream."""
    spec = record.spec
    asked = request.model_copy(
        update={
            "user": request.user or containers.user_of(spec),
            "cwd": posixpath.join(spec.workdir, request.cwd or ""),
        }
    )
    env = {**containers.home_variables(spec), **spec.env, **request.env}
    if request.tty:
        env.setdefault("TERM", "xterm-256color")
    with translated(host, record.name):
        return DockerStream(client, record.container_reference, asked, env)


def run(
    client: docker.DockerClient, host: Host, record: EnvironmentRecord, request: ExecRequest
) -> tuple[ExecResult, bool]:
    """Run a command to its end; says too whether it could be ended at the end of its time."""
    output = MiddleCut(record.spec.limits.output_bytes)
    begin = time.monotonic()
    stream = open_stream(client, host, record, request)
    code, ended = TIMED_OUT, True
    try:
        with translated(host, record.name):
            late = run_stream(stream, request, output)
            if late:
                ended = stream.end()
            else:
                code = stream.wait()
    finally:
        stream.close()
    result = ExecResult(
        exit_code=code, output=output.value().decode("utf-8", "replace"), timed_out=late,
        truncated=output.omitted > 0, seconds=time.monotonic() - begin,
    )  # fmt: skip
    return result, ended


def numbers_of(client: docker.DockerClient, host: Host, record: EnvironmentRecord) -> tuple[int, int]:
    """The uid and gid of an environment's user, asked of its image where it is a name; raises LaunchFailed."""
    user = containers.user_of(record.spec)
    if (known := containers.numeric_user(user)) is not None:
        return known
    asked = ExecRequest(argv=("sh", "-c", "id -u; id -g"), cwd="/", seconds=30)
    try:
        result, _ = run(client, host, record, asked)
        uid, gid = (int(line) for line in result.output.split())
    except (DevctlError, ValueError) as error:
        raise LaunchFailed(f"the image {record.spec.image!r} has no user {user!r}", "name one of its users") from error
    return uid, gid


def put_secrets(
    client: docker.DockerClient, host: Host, record: EnvironmentRecord, secrets: Mapping[str, bytes]
) -> None:
    """Write secrets into the container's memory; their contents go through the input, which nobody can list."""
    for name, content in secrets.items():
        asked = ExecRequest(argv=("sh", "-c", _SECRET, "sh", name), stdin=content, cwd="/", seconds=60)
        result, _ = run(client, host, record, asked)
        if result.exit_code != 0:
            raise LaunchFailed(f"the secret {name} could not be written: {result.output.strip()[-300:]}")


def connect(client: docker.DockerClient, host: Host, record: EnvironmentRecord, port: int) -> socket.socket:
    """Return a stream to a port of the environment's loopback; raises ServeFailed."""
    stream = open_stream(client, host, record, ExecRequest(argv=("sh", "-c", _CONNECT, "sh", str(port)), cwd="/"))
    with translated(host, record.name):
        first = stream.read()
    while first is not None and first[0] == 2:  # what a tool complains about; its status says more
        with translated(host, record.name):
            first = stream.read()
    if first is None:
        stream.close()
        raise ServeFailed(f"nothing listens on port {port} in {record.name!r}", "", "start the server, then connect")
    return as_socket(stream, first[1][1:])
