"""Snapshots: the files of an environment kept as an image, and the environments made of them."""

from collections.abc import Sequence

from psycopg import errors
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter, ValidationError

from devctl.errors import InUse, LaunchFailed, NameTaken, NoSuchEnvironment
from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, Lifecycle, Name, Snapshot, User
from devctl.hosts.engine import HostEngine

_FIELDS = "tag, owner, environment, host, image, spec, created"


class Snapshots:
    """The snapshots in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, user: User, record: EnvironmentRecord, tag: str, engine: HostEngine) -> Snapshot:
        """Reserve the tag, then make the image; a failure leaves neither. Raises NameTaken."""
        _check_name(tag)
        query = f"INSERT INTO snapshot ({_FIELDS}) VALUES (%s, %s, %s, %s, '', %s, now()) RETURNING tag"  # noqa: S608 - our own field names
        spec = Jsonb(record.spec.model_dump(mode="json"))
        try:
            self._database.rows(query, tag, user.name, record.id, record.host, spec)
        except errors.UniqueViolation as error:
            raise NameTaken(f"a snapshot is called {tag!r} already", "choose another tag") from error
        try:
            image = engine.snapshot(record, tag)
        except BaseException:
            self._drop(tag)
            raise
        update = f"UPDATE snapshot SET image = %s WHERE tag = %s RETURNING {_FIELDS}"  # noqa: S608 - our own field names
        return Snapshot.model_validate(self._database.rows(update, image, tag)[0])

    def spec(self, user: User, tag: str, name: str) -> EnvironmentSpec:
        """The spec of a new environment made of a snapshot: on its host, without what was done at creation."""
        found = self.find(user, tag)
        _check_name(name)
        lifecycle = Lifecycle(post_start=found.spec.lifecycle.post_start, post_attach=found.spec.lifecycle.post_attach)
        changed = {"name": name, "image": found.image, "host": found.host, "lifecycle": lifecycle, "keep_until": None}
        return found.spec.model_copy(update={**changed, "source": f"snapshot {tag}"})

    def find(self, user: User, tag: str) -> Snapshot:
        """A finished snapshot; raises NoSuchEnvironment."""
        for found in self.listed(user):
            if found.tag == tag:
                return found
        raise NoSuchEnvironment(f"no snapshot is called {tag!r}", "`devctl snapshot --list` lists them")

    def listed(self, user: User) -> list[Snapshot]:
        """The user's finished snapshots, all for an admin."""
        query = f"SELECT {_FIELDS} FROM snapshot WHERE image <> '' AND (%s OR owner = %s) ORDER BY created, tag"  # noqa: S608 - our own field names
        rows = self._database.rows(query, user.role == "admin", user.name)
        return [Snapshot.model_validate(row) for row in rows]

    def remove(self, user: User, tag: str, engine: HostEngine) -> None:
        """Forget a snapshot and remove its image; raises InUse while the containers of environments are made of it.

        The engine refuses too, so what is just being restored keeps its image, or is not made.
        """
        found = self.find(user, tag)
        if engine.backend == "docker" and (users := self._users(found)):
            raise InUse(
                f"the snapshot {tag!r} is used by {_named(users, user)}",
                "`devctl rm` them first; a copy of the files of one is kept by a snapshot of its own",
            )
        engine.forget(found.image)
        self._drop(tag)

    def _users(self, snapshot: Snapshot) -> list[tuple[str, str]]:
        """Names and owners of the environments that are made of it."""
        query = """SELECT name, owner FROM environment
            WHERE phase <> 'removed' AND host = %s AND spec ->> 'image' = %s ORDER BY name"""
        rows = self._database.rows(query, snapshot.host, snapshot.image)
        return [(str(row["name"]), str(row["owner"])) for row in rows]

    def _drop(self, tag: str) -> None:
        self._database.rows("DELETE FROM snapshot WHERE tag = %s RETURNING tag", tag)


def _named(users: Sequence[tuple[str, str]], asking: User) -> str:
    """The environments that somebody may see by name, and how many others there are."""
    seen = [name for name, owner in users if asking.role == "admin" or owner == asking.name]
    others = [f"{len(users) - len(seen)} of other users"] if len(seen) < len(users) else []
    return ", ".join([*seen, *others])


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise LaunchFailed(
            f"{name!r} is no name", "take small letters, digits and dashes, at most 48, a letter or digit first"
        ) from error
