"""Launches of sources that are being cloned and built, and have no reservation yet: they count beside the living.

Without them somebody at their limit could have the service build as many images as they ask for at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from devctl.fleet.interfaces import Admission
from devctl.fleet.records import Egress, EnvironmentSpec, GpuWish, KeptLimits, User
from devctl.sources.records import Overrides

_LEAST = {"cpus": 0.01, "memory_mb": 16, "pids": 8, "disk_mb": 16}
"""Taken of a source that was not read yet, so that nothing but the number is judged."""


class LaunchesAhead:
    """Asks the admission for each before anything is done for it; safe to share between threads."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._lock = threading.Lock()
        self._ahead: dict[object, tuple[str, EnvironmentSpec]] = {}

    @contextmanager
    def entered(self, user: User, name: str | None, overrides: Overrides | None) -> Iterator["LaunchAhead"]:
        """Ask whether something may be launched at all, and have it count within the block; raises LaunchRefused.

        The block ends before the launch itself, which reserves.
        """
        launch = LaunchAhead(self, user)
        self._enter(launch, user, _outline(name, overrides or Overrides()))
        try:
            yield launch
        finally:
            with self._lock:
                self._ahead.pop(launch, None)

    def _enter(self, launch: object, user: User, spec: EnvironmentSpec) -> None:
        with self._lock:
            others = [one for key, (name, one) in self._ahead.items() if name == user.name and key is not launch]
            self._admission.foresee(user, spec, others)
            self._ahead[launch] = (user.name, spec)


class LaunchAhead:
    """One of them."""

    def __init__(self, all_of_them: LaunchesAhead, user: User) -> None:
        self._all, self._user = all_of_them, user

    def settle(self, spec: EnvironmentSpec) -> None:
        """Ask again, now that it is known what is wanted."""
        self._all._enter(self, self._user, spec)  # noqa: SLF001 - two classes of one thing


def _outline(name: str | None, overrides: Overrides) -> EnvironmentSpec:
    given = {key: getattr(overrides, key) for key in _LEAST}
    limits = KeptLimits.model_validate({key: given[key] or least for key, least in _LEAST.items()})
    return EnvironmentSpec(
        name=name or "source", image="", limits=limits, labels=overrides.labels, keep_until=overrides.keep_until,
        egress=Egress(mode=overrides.egress or "none"), gpu=overrides.gpu or GpuWish(),
    )  # fmt: skip
