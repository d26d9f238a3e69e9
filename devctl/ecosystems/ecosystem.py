"""The interface of an ecosystem."""

from typing import Protocol

from devctl.ecosystems.records import Fitting, Plan, Seen, Step
from devctl.ecosystems.toolchain import Host
from devctl.ecosystems.tree import Tree
from devctl.records import Toolchain
from devctl.settings import DevctlSettings


class Ecosystem(Protocol):
    """What preparing asks of an ecosystem; it knows nothing of sandboxes and images."""

    @property
    def name(self) -> str:
        """The name that plans and parts know it by."""

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs without which an image cannot be used for it."""

    @property
    def how(self) -> str:
        """How a person gets these programs."""

    def detect(self, tree: Tree, packages: tuple[str, ...]) -> Plan | None:
        """Say what is to be installed for a tree and for extra packages; None when it has nothing of this.

        Raises PreparationFailed when a file that declares it cannot be read.
        """

    def toolchain(self, plan: Plan, host: Host) -> Toolchain:
        """Find the programs on this host; raises ToolchainMissing."""

    def environment(self, plan: Plan, seen: Seen, settings: DevctlSettings) -> dict[str, str]:
        """The variables of the installer, beside those that all installers see."""

    def steps(self, plan: Plan, seen: Seen) -> tuple[Step, ...]:
        """The commands that install, in order, in the folder of the result."""

    def listing(self, plan: Plan, seen: Seen) -> Step | None:
        """A command that prints, a path a line, what `fit` is to know of the result."""

    def fit(self, plan: Plan, listed: tuple[str, ...]) -> Fitting:
        """Say how an environment is given the result."""
