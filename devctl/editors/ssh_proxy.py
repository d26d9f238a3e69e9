"""ssh's way into an environment: a server for one connection, on the stream of a command, with keys of its own.

Nothing listens and no port is opened. The server's key comes in on the stream before ssh's own bytes and lies in
memory as long as the connection lives; the server runs as the environment's user and lets in that user alone.
"""

import re
from collections.abc import Mapping

from devctl.editors.ssh_keys import Keys
from devctl.errors import LaunchFailed
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import EnvironmentRecord, User
from devctl.hosts.engine import ExecRequest, ExecStream

USUAL_NAME = "devctl"
_FIND = 'PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin"; command -v sshd'
_WHO = "id -un 2>/dev/null || true; id -u"
# The user of an image that knows no name for it gets one, as ssh lets nobody in without a name.
_NAME = 'grep -q "^[^:]*:[^:]*:$1:" /etc/passwd || printf "%s:x:%s:%s::%s:/bin/sh\\n" "$2" "$1" "$1" "$3" >>/etc/passwd'
_SERVE = """umask 077
d=$(mktemp -d /dev/shm/devctl-ssh.XXXXXX 2>/dev/null) || d=$(mktemp -d) || exit 1
trap 'rm -rf "$d"' EXIT
dd bs=1 count="$1" of="$d/host" 2>/dev/null || exit 1
printf '%s\\n' "$2" >"$d/keys"
printf '%s\\n' "$3" >"$d/config"
"$4" -i -e -f "$d/config" -o "HostKey=$d/host" -o "AuthorizedKeysFile=$d/keys" 2>"$d/log"
"""
_CONFIG = (
    *("UsePAM no", "StrictModes no", "PidFile none", "LogLevel ERROR", "PasswordAuthentication no"),
    *("KbdInteractiveAuthentication no", "PubkeyAuthentication yes", "PrintMotd no", "PrintLastLog no"),
    *("AllowTcpForwarding yes", "AllowAgentForwarding no", "X11Forwarding no", "PermitUserRC no"),
    *("PermitTunnel no", "GatewayPorts no", "Subsystem sftp internal-sftp"),
)


def user_inside(fleet: Fleet, user: User, record: EnvironmentRecord) -> str:
    """The name that ssh logs in with; raises LaunchFailed for root, whom a server without rights cannot let in."""
    lines = fleet.exec(user, record.name, ["sh", "-c", _WHO], cwd="/", seconds=60).output.split()
    if lines and lines[-1] == "0":
        raise LaunchFailed(
            f"{record.name!r} runs commands as root, and ssh into it needs an ordinary user",
            "attach with `devctl open`, or make it with --user",
        )
    return lines[0] if len(lines) > 1 and not lines[0].isdigit() else USUAL_NAME


def open_server(fleet: Fleet, user: User, record: EnvironmentRecord, keys: Keys) -> ExecStream:
    """Start the server of one connection; what is written to the stream from now on is ssh's own.

    Raises LaunchFailed where the image has no sshd.
    """
    found = fleet.exec(user, record.name, ["sh", "-c", _FIND], cwd="/", seconds=60)
    server = found.output.strip()
    if found.exit_code != 0 or not server.startswith("/"):
        raise LaunchFailed(
            f"{record.name!r} has no sshd, which ssh and editors over ssh need",
            "have its image install openssh-server (Debian, Ubuntu) or openssh (Alpine); "
            "`devctl shell` and `devctl open` on a local Docker engine need none",
        )
    name = user_inside(fleet, user, record)
    _give_name(fleet, record, name)
    host_key = keys.host.read_bytes()
    config = "\n".join((*_CONFIG, *_variables(record.spec.env)))
    words = (str(len(host_key)), keys.public(), config, server)
    stream = fleet.open_exec(user, record.name, ["sh", "-c", _SERVE, "sh", *words], cwd="/")
    stream.write(host_key)
    return stream


def _give_name(fleet: Fleet, record: EnvironmentRecord, name: str) -> None:
    """Have the system inside know the ordinary user by a name."""
    if record.spec.user is not None or record.container is None:
        return
    from devctl.hosts.containers import UID
    from devctl.mounts import HOME

    engine = fleet.parts.hosts.engine(record.host)
    argv = ("sh", "-c", _NAME, "sh", str(UID), name, HOME)
    result = engine.run(record, ExecRequest(argv=argv, user="0:0", cwd="/", seconds=60))
    if result.exit_code != 0:
        raise LaunchFailed(f"the user of {record.name!r} cannot be given a name: {result.output.strip()[-200:]}")


def _variables(env: Mapping[str, str]) -> list[str]:
    """The environment's variables for sessions; what cannot stand in the server's config is left out."""
    fit = {name: value for name, value in env.items() if not re.search(r'[\n\r"\\%]', value)}
    return ["SetEnv " + " ".join(f'{name}="{value}"' for name, value in fit.items())] if fit else []
