"""Admission by policy: a decision for every operation, reservations that hold under load, an audit line for each."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import JsonValue

from devctl.admission import audit
from devctl.admission.owners import ImageOwners
from devctl.admission.questions import (
    LIVING,
    CallerFolders,
    asking,
    coming,
    described,
    living,
    owner_of,
    plain,
    with_real_folders,
)
from devctl.builder.records import OWNER_LABEL
from devctl.errors import LaunchRefused, NameTaken
from devctl.fleet import rows
from devctl.fleet.database import Connection, Database
from devctl.fleet.interfaces import Operation
from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec, GpuWish, User
from policies import Decision, DevctlCaller, DevctlImage, DevctlQuestion, LivingEnvironment, PolicyEngine

log = logging.getLogger(__name__)

ImageScore = Callable[[str], float | None]
"""The highest CVSS base score known of an image, 0 for none; None where it was not scanned."""

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('devctl.owner:' || %s, 0))"


class PolicyAdmission:
    """Asks the policy, reserves and writes down; safe to share between threads and, by the database, processes."""

    def __init__(
        self,
        database: Database,
        policy: PolicyEngine,
        folders: CallerFolders | None = None,
        score: ImageScore = lambda image: None,
    ) -> None:
        self._database = database
        self._policy = policy
        folders = folders or CallerFolders()
        self._caller = DevctlCaller(
            home=str(folders.home.resolve()) if folders.home else "",
            workspace=str(folders.workspace.resolve()) if folders.workspace else "",
        )
        self._score = score
        self._owners = ImageOwners(database)

    def reserve(self, user: User, spec: EnvironmentSpec, seconds: float) -> EnvironmentRecord:
        """Ask, and insert the row as `creating` with its deadline; nobody else of this owner reserves meanwhile.

        An optional GPU that is not granted is left out, with a note. Raises LaunchRefused and NameTaken.
        """
        spec = with_real_folders(spec)
        image = self._image(spec.image, user)
        try:
            with self._database.transaction() as connection:
                connection.execute(_ONE_AT_A_TIME, [user.name])
                spec, decision = self._judge_launch(user, spec, image, self._living(connection, user.name, ""))
                record = rows.insert(connection, user, spec, seconds) if decision.allowed else None
                self._write(connection, user, "create", spec.name, decision, {"image": spec.image})
        except NameTaken as error:
            self.audit(user, "create", spec.name, False, (error.message,), {"image": spec.image})
            raise
        if record is None:
            raise _refused("create", spec.name, decision)
        return record

    def foresee(self, user: User, spec: EnvironmentSpec, ahead: Sequence[EnvironmentSpec] = ()) -> None:
        """Ask whether it could be reserved now, beside those `ahead` that have no row yet; see Admission."""
        spec = with_real_folders(spec)
        image = self._image(spec.image, user) if spec.image else None
        with self._database.connection() as connection:
            others = (*self._living(connection, user.name, ""), *map(coming, ahead))
            _, decision = self._judge_launch(user, spec, image, others)
            if not decision.allowed:
                self._write(connection, user, "create", spec.name, decision, {"image": spec.image})
        if not decision.allowed:
            raise _refused("create", spec.name, decision)

    def reserve_start(self, user: User, record: EnvironmentRecord, seconds: float) -> EnvironmentRecord:
        """The same for one that was stopped: its row becomes `creating` again, and counts as its owner's."""
        with self._database.transaction() as connection:
            connection.execute(_ONE_AT_A_TIME, [record.owner])
            question = DevctlQuestion(
                operation="start", user=asking(user), owner=owner_of(record), caller=self._caller,
                subject=record.name, environment=described(record.spec), image=self._image(record.spec.image, user),
                running=self._living(connection, record.owner, record.id),
            )  # fmt: skip
            decision = self._policy.decide_devctl(question)
            again = rows.reinsert(connection, record, seconds) if decision.allowed else None
            self._write(connection, user, "start", record.name, decision, {})
        if again is None:
            raise _refused("start", record.name, decision)
        return again

    def confirm(self, user: User, record: EnvironmentRecord, labels: Mapping[str, str]) -> None:
        """Ask again where its image turns out to be somebody's; see Admission."""
        if labels.get(OWNER_LABEL, user.name) == user.name:
            return
        image = self._image(record.spec.image, user, labels)
        with self._database.connection() as connection:
            _, decision = self._judge_launch(user, record.spec, image, self._living(connection, user.name, record.id))
            if not decision.allowed:
                self._write(connection, user, "create", record.name, decision, {"image": record.spec.image})
        if not decision.allowed:
            raise _refused("create", record.name, decision)

    def decide(
        self, user: User, operation: Operation, record: EnvironmentRecord, details: Mapping[str, object] | None = None
    ) -> None:
        """Ask about an operation on an environment, and write the answer down; raises LaunchRefused.

        A `keep` says until when in `until`, as a moment or in ISO form; a `tunnel` how many are `open`.
        """
        said = plain(details)
        with self._database.connection() as connection:
            question = DevctlQuestion(
                operation=operation, user=asking(user), owner=owner_of(record), caller=self._caller,
                subject=record.name, environment=described(record.spec), details={**said, **_hours(said)},
                running=self._living(connection, record.owner, record.id),
            )  # fmt: skip
            decision = self._policy.decide_devctl(question)
            self._write(connection, user, operation, record.name, decision, said)
        if not decision.allowed:
            raise _refused(operation, record.name, decision)

    def decide_image(
        self,
        user: User,
        operation: Literal["build", "wizard"],
        tag: str,
        base: str,
        packages: Mapping[str, Sequence[str]] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Decision:
        """Ask whether an image may be made upon `base` with these packages, by manager; raises LaunchRefused.

        The answer is returned since a dry run allows with reasons, which people should see.
        """
        wanted = {manager: tuple(names) for manager, names in (packages or {}).items()}
        who = asking(user)
        question = DevctlQuestion(
            operation=operation, user=who, owner=who, caller=self._caller, subject=tag,
            image=self._image(base, user, labels), packages=wanted,
        )  # fmt: skip
        decision = self._policy.decide_devctl(question)
        with self._database.connection() as connection:
            listed: dict[str, JsonValue] = {manager: list(names) for manager, names in wanted.items()}
            self._write(connection, user, operation, tag, decision, {"base": base, "packages": listed})
        if not decision.allowed:
            raise _refused(operation, tag, decision)
        return decision

    def audit(
        self, user: User, operation: Operation, subject: str, allowed: bool,
        reasons: Sequence[str] = (), details: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Write down what was done without a decision."""
        with self._database.connection() as connection:
            line = audit.NewLine(
                who=user.name, operation=operation, subject=subject, allowed=allowed, reasons=tuple(reasons),
                details=plain(details),
            )  # fmt: skip
            audit.write(connection, line)

    def _judge_launch(
        self, user: User, spec: EnvironmentSpec, image: DevctlImage | None, others: tuple[LivingEnvironment, ...]
    ) -> tuple[EnvironmentSpec, Decision]:
        def ask(wanted: EnvironmentSpec) -> Decision:
            who = asking(user)
            question = DevctlQuestion(
                operation="create", user=who, owner=who, caller=self._caller, subject=wanted.name,
                environment=described(wanted), running=others, image=image,
                details=_hours({"until": wanted.keep_until.isoformat() if wanted.keep_until else None}),
            )  # fmt: skip
            return self._policy.decide_devctl(question)

        decision = ask(spec)
        if spec.gpu.want == "optional" and not decision.allowed:
            note = f"it has no GPU: {'; '.join(decision.reasons)}"
            without = spec.model_copy(update={"gpu": GpuWish(), "notes": (*spec.notes, note)})
            if (second := ask(without)).allowed:
                return without, second
        return spec, decision

    def _living(self, connection: Connection, owner: str, but: str) -> tuple[LivingEnvironment, ...]:
        return tuple(living(row) for row in connection.execute(LIVING.encode(), [owner, but]))

    def _image(self, name: str, user: User, labels: Mapping[str, str] | None = None) -> DevctlImage:
        return DevctlImage(name=name, cvss=self._score(name), owner=self._owners.owner(name, user.name, labels))

    def _write(
        self, connection: Connection, user: User, operation: str, subject: str, decision: Decision,
        details: Mapping[str, JsonValue],
    ) -> None:  # fmt: skip
        line = audit.NewLine(
            who=user.name, operation=operation, subject=subject, allowed=decision.allowed,
            dry_run=decision.dry_run, reasons=decision.reasons, rules=decision.rules, details=dict(details),
        )  # fmt: skip
        audit.write(connection, line)


def _hours(said: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """How many hours from now `until` is; nothing where it is not said."""
    until = said.get("until")
    if not isinstance(until, str):
        return {}
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        return {}
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # half a minute for the way from the person's clock to here
    return {"hours": max(0.0, round((moment - datetime.now(UTC)).total_seconds() - 30) / 3600)}


def _refused(operation: str, subject: str, decision: Decision) -> LaunchRefused:
    reasons = decision.reasons
    return LaunchRefused(
        f"the policy does not allow to {operation} {subject}: {'; '.join(reasons)}",
        reasons,
        "change the request, or the rules; `devctl audit --denied` lists what was refused",
    )
