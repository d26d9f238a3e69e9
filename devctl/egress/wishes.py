"""What environments wish of the keeper of their proxies, in files of one folder, and how it is asked to look at them."""

import logging
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import ValidationError

from devctl import locks
from devctl.records import Record
from devctl.unix_sockets import connect_unix

log = logging.getLogger(__name__)

CONTROL, WISH, SOCKET = "control.sock", "wish.json", "proxy.sock"
LOOK, DONE = b"look\n", b"done\n"


class Wish(Record):
    """What one environment may reach."""

    environment: str
    """Its id."""
    name: str
    owner: str
    domains: tuple[str, ...]


def read_wishes(folder: Path) -> list[Wish]:
    """All wishes of a folder; what cannot be read is passed over with a warning."""
    found = []
    for path in sorted(folder.glob(f"*/{WISH}")):
        try:
            wish = Wish.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            log.warning("%s cannot be read: %s", path, error)
            continue
        if wish.environment == path.parent.name:
            found.append(wish)
    return found


def ask_to_look(folder: Path, seconds: float = 10.0) -> bool:
    """Have the running keeper compare; False where none runs."""
    try:
        with connect_unix(folder / CONTROL) as connection:
            connection.settimeout(seconds)
            connection.sendall(LOOK)
            return connection.recv(64) == DONE
    except OSError:
        return False


def locked(folder: Path) -> AbstractContextManager[None]:
    """Hold the lock under which wishes are written and keepers start and end."""
    return locks.locked(folder / "lock")
