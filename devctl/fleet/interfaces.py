"""What the fleet asks of others: who may do what, on which host, from which warm stock, and who hears of use."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from devctl.fleet.records import ActivityKind, EnvironmentRecord, EnvironmentSpec, Host, User
from devctl.hosts.engine import HostEngine, NetworkPlan

Operation = Literal[
    "create", "start", "stop", "pause", "remove", "keep", "exec", "attach", "copy", "logs", "build", "wizard", "tunnel",
    "snapshot", "restore",
]  # fmt: skip
CREATING_SECONDS = 900.0
"""How long a launch may take before its row counts as left by a launcher that died; launches renew it."""


class Admission(Protocol):
    """Decides by policy and quota, reserves, and writes down what was decided."""

    def reserve(self, user: User, spec: EnvironmentSpec, seconds: float) -> EnvironmentRecord:
        """Ask the policy and insert the row as `creating`, with a deadline `seconds` from now, in one transaction
        under an advisory lock of the owner. `host` is empty until it is placed.

        Raises LaunchRefused (the row is not there then) and NameTaken.
        """

    def foresee(self, user: User, spec: EnvironmentSpec, ahead: Sequence[EnvironmentSpec] = ()) -> None:
        """Ask whether it could be reserved beside the user's others and those `ahead`, which have no row yet; before
        anything costly is done for it. Its image may still be empty. Nothing is reserved, and a refusal is written down.

        Raises LaunchRefused.
        """

    def reserve_start(self, user: User, record: EnvironmentRecord, seconds: float) -> EnvironmentRecord:
        """The same for one that was stopped: its row becomes `creating` again, counted as running."""

    def decide(
        self, user: User, operation: Operation, record: EnvironmentRecord, details: Mapping[str, object] | None = None
    ) -> None:
        """Ask the policy about an operation on an environment, and write the answer down; raises LaunchRefused."""

    def decide_image(
        self, user: User, operation: Literal["build", "wizard"], tag: str, base: str,
        packages: Mapping[str, Sequence[str]] | None = None, labels: Mapping[str, str] | None = None,
    ) -> object:  # fmt: skip
        """Ask whether an image may be made upon `base`, which has these labels; raises LaunchRefused."""

    def confirm(self, user: User, record: EnvironmentRecord, labels: Mapping[str, str]) -> None:
        """Ask again where the labels of its image, as its host has it, say that it is somebody's, though its name does not.

        Raises LaunchRefused, and writes that down.
        """

    def audit(
        self, user: User, operation: Operation, subject: str, allowed: bool,
        reasons: Sequence[str] = (), details: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Write down what was done without a decision."""


class HostPool(Protocol):
    """The hosts, and the choice of one."""

    def names(self) -> list[str]:
        """All hosts, draining ones too."""

    def has_docker(self) -> bool:
        """Whether one of them is a Docker engine."""

    def describe(self, name: str) -> Host:
        """Say where a host is; raises NoHost."""

    def place(self, record: EnvironmentRecord) -> str:
        """Choose the host for a new environment and write it into its row, so that no host gets more than its limit.

        Raises NoHost with what keeps each one from it.
        """

    def bring(self, image: str, host: str) -> None:
        """See to it that a host has an image that another host has; raises LaunchFailed and HostUnreachable."""

    def engine(self, name: str) -> HostEngine:
        """The host of that name; raises HostUnreachable when it is known to be away, NoHost for no such host."""

    def close(self) -> None:
        """Return connections."""


class Pool(Protocol):
    """The stock of warm containers."""

    def claim(self, record: EnvironmentRecord, host: str) -> str | None:
        """Take a container that fits the record's spec, running and clean; returns its engine's id, or None."""

    def containers(self, host: str) -> set[str]:
        """The engine's ids, and the ids on their labels, of all containers that belong to the stock, so that nobody
        takes them for lost."""


class Activity(Protocol):
    """Hears of every use; the reaper asks it."""

    def note(self, environment: str, kind: ActivityKind) -> None:
        """Something short was done."""

    def session(self, environment: str, kind: ActivityKind) -> AbstractContextManager[None]:
        """Something is going on as long as the block runs."""


class Egress(Protocol):
    """The way out of environments."""

    def plan(self, record: EnvironmentRecord, host: HostEngine) -> NetworkPlan:
        """Make what the record's egress needs on its host, or find it made: it is asked at every start. Raises
        LaunchFailed, EgressInvalid and EgressFailed.
        """

    def check(self, record: EnvironmentRecord, host: HostEngine) -> None:
        """See whether it works in an environment that was just started; raises EgressFailed."""

    def release(self, record: EnvironmentRecord, host: HostEngine) -> None:
        """Remove what was made for it; safe to repeat."""
