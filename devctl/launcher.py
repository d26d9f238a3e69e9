"""The way in: choose a backend, prepare, launch, list, stop."""

import atexit
import logging
import weakref
from typing import TYPE_CHECKING

from devctl.backend import Backend, Usability
from devctl.ecosystems.catalogue import plan_tree, wanted_packages
from devctl.environment import Environment
from devctl.errors import DevctlError, LaunchRefused, NoSuchEnvironment, SandboxUnavailable
from devctl.records import BackendName, EnvironmentInfo, LaunchRequest, Prepared, PrepareRequest
from devctl.settings import DevctlSettings
from devctl.store import Store

if TYPE_CHECKING:
    from policies import PolicyEngine

log = logging.getLogger(__name__)

AUTOMATIC: tuple[BackendName, ...] = ("bubblewrap", "docker")
"""The backends that are taken without being named: first the one that needs no image and starts at once."""


class Launcher:
    """Prepares and launches environments with one backend; stops its own when the program ends."""

    def __init__(self, backend: Backend, policy: "PolicyEngine | None") -> None:
        self._backend = backend
        self._policy = policy
        self._launched: weakref.WeakValueDictionary[str, Environment] = weakref.WeakValueDictionary()
        self.backend = backend.name
        atexit.register(stop_launched, self._launched)

    def prepare(self, request: PrepareRequest) -> Prepared:
        """Install the dependencies of a tree, or find them in the cache.

        Only packages are installed, never the tree's own code. Raises PreparationFailed with the installer's
        output, LaunchRefused when the policy does not grant the network for it, or one of the packages: those
        asked for and those the tree declares.
        """
        wanted = wanted_packages(plan_tree(request.tree, request.packages))
        self._ask(request.role, "environment.prepare", request.repository, wanted, "packages")
        return self._backend.prepare(request)

    def launch(self, request: LaunchRequest) -> Environment:
        """Make an environment; raises LaunchRefused, LaunchFailed or SandboxFailed."""
        self._ask(request.role, "environment.launch", request.repository, (), request.network)
        environment = Environment(self._backend.launch(request))
        self._launched[environment.id] = environment
        log.info("launched %s with %s", environment.id, self.backend)
        return environment

    def running(self) -> list[EnvironmentInfo]:
        """The environments of this devctl home, those of other processes too, oldest first."""
        return self._backend.running()

    def stop(self, name: str) -> None:
        """Stop an environment of any process; raises NoSuchEnvironment."""
        if own := self._launched.get(name):
            own.stop()
            return
        if name not in {info.id for info in self.running()}:
            raise NoSuchEnvironment(f"no environment is called {name!r}", "`devctl ls` lists them")
        self._backend.remove(name)

    def stop_all(self) -> None:
        """Stop every environment that this launcher made."""
        stop_launched(self._launched)

    def prune(self) -> list[str]:
        """Remove environments of dead owners and cached preparations; returns what was removed."""
        return [*self._backend.reap(), *self._backend.prune()]

    def _ask(self, role: str, tool: str, repository: str, packages: tuple[str, ...], network: str) -> None:
        if self._policy is None:
            return
        from policies import Action

        action = Action(
            role=role, tool=tool, repository=repository, arguments={}, paths=(), packages=packages,
            network=network, change=(),
        )  # fmt: skip
        decision = self._policy.decide(action)
        if not decision.allowed:
            raise LaunchRefused(
                f"the policy does not allow {tool} for {role}: {'; '.join(decision.reasons)}",
                decision.reasons,
                "change the request, or the rules",
            )


def open_launcher(settings: DevctlSettings, policy: "PolicyEngine | None") -> Launcher:
    """Take the backend that the settings name, or the first that works here; reap what dead owners left.

    `policy` is asked before every preparation and launch; None asks nobody and is for tests only. Raises
    SandboxUnavailable, with what to install or set, when no sandbox works; `none` must be asked for by name.
    """
    store = Store(settings.folder)
    names = (settings.backend,) if settings.backend else AUTOMATIC
    reasons: list[Usability] = []
    for name in names:
        found = check_backend(name, settings, store)
        if found.usable:
            backend = make_backend(name, settings, store)
            for leftover in backend.reap():
                log.info("removed %s, whose owner is gone", leftover)
            return Launcher(backend, policy)
        reasons.append(found)
    raise SandboxUnavailable(
        "no sandbox works here: " + "; ".join(f"{found.backend}: {found.reason}" for found in reasons),
        "; or ".join(found.hint for found in reasons if found.hint) or "run `devctl doctor`",
    )


def make_backend(name: BackendName, settings: DevctlSettings, store: Store) -> Backend:
    """Make a backend by its name."""
    if name == "bubblewrap":
        from devctl.bubblewrap import BubblewrapBackend

        return BubblewrapBackend(settings, store)
    if name == "docker":
        from devctl.docker_backend import DockerBackend

        return DockerBackend(settings, store)
    from devctl.unsandboxed import UnsandboxedBackend

    return UnsandboxedBackend(settings, store)


def check_backend(name: BackendName, settings: DevctlSettings, store: Store) -> Usability:
    """Find out whether a backend works here, by trying it."""
    from devctl import doctor

    return doctor.check(name, settings, store)


def stop_launched(launched: "weakref.WeakValueDictionary[str, Environment]") -> None:
    """Stop environments, one after the other; one that fails does not keep the rest."""
    for environment in list(launched.values()):
        try:
            environment.stop()
        except (DevctlError, OSError) as error:
            log.warning("%s could not be stopped: %s", environment.id, error)
