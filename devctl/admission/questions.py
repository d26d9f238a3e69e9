"""What the policy is asked about environments, put together from what the state knows."""

from collections.abc import Mapping
from pathlib import Path

from psycopg.rows import DictRow
from pydantic import JsonValue, TypeAdapter

from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, User
from devctl.records import Record
from policies import DevctlUser, LivingEnvironment

_JSON: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class CallerFolders(Record):
    """The folders of the person at this machine, below which may be mounted; none where the caller is far away."""

    home: Path | None = None
    workspace: Path | None = None


def asking(user: User) -> DevctlUser:
    """The user as the policy knows users."""
    return DevctlUser(name=user.name, tier=user.tier, role=user.role)


def owner_of(record: EnvironmentRecord) -> DevctlUser:
    """Whose limits count for an environment that is there."""
    return DevctlUser(name=record.owner, tier=record.tier)


def described(spec: EnvironmentSpec) -> dict[str, JsonValue]:
    """The wanted environment without anything that could be a secret: of variables and secrets the names alone."""
    whole = _JSON.validate_python(spec.model_dump(mode="json", exclude={"env", "remote_env", "secrets"}))
    names: dict[str, JsonValue] = {
        "env": list(sorted(spec.env)),
        "remote_env": list(sorted(spec.remote_env)),
        "secrets": [secret.name for secret in spec.secrets],
    }
    return {**whole, **names}


def with_real_folders(spec: EnvironmentSpec) -> EnvironmentSpec:
    """The same with the links in mounted folders followed, so that what is judged is what is mounted."""
    mounts = tuple(
        mount.model_copy(update={"source": str(Path(mount.source).resolve())})
        if mount.kind == "bind" and mount.source.startswith("/") else mount
        for mount in spec.mounts
    )  # fmt: skip
    return spec.model_copy(update={"mounts": mounts})


LIVING = """SELECT name, phase, (spec -> 'limits' ->> 'cpus')::float8 AS cpus,
    (spec -> 'limits' ->> 'memory_mb')::int AS memory_mb,
    gpu OR (phase = 'creating' AND spec -> 'gpu' ->> 'want' <> 'none') AS gpu
    FROM environment WHERE owner = %s AND id <> %s AND phase IN ('creating', 'running', 'paused')
    AND NOT (phase = 'creating' AND deadline < now()) ORDER BY created, id"""
"""The living environments of an owner except one; a launch past its deadline belongs to a launcher that died."""


def living(row: DictRow) -> LivingEnvironment:
    """A row of LIVING as the policy knows it."""
    return LivingEnvironment.model_validate(row)


def coming(spec: EnvironmentSpec) -> LivingEnvironment:
    """One that is being prepared and has no row yet."""
    limits, gpu = spec.limits, spec.gpu.want != "none"
    return LivingEnvironment(name=spec.name, phase="creating", cpus=limits.cpus, memory_mb=limits.memory_mb, gpu=gpu)


def plain(details: Mapping[str, object] | None) -> dict[str, JsonValue]:
    """Details as JSON: what is no JSON value stands there as its text."""
    return {name: value if _is_plain(value) else str(value) for name, value in (details or {}).items()}  # type: ignore[misc] # told by _is_plain


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(inner) for key, inner in value.items())
    return value is None or isinstance(value, str | int | float | bool)
