"""All ecosystems, and what they make of a tree together."""

from pathlib import Path

from devctl.ecosystems.ecosystem import Ecosystem
from devctl.ecosystems.golang import Go
from devctl.ecosystems.gradle import Gradle
from devctl.ecosystems.maven import Maven
from devctl.ecosystems.node import Node
from devctl.ecosystems.python import Python
from devctl.ecosystems.records import Plan
from devctl.ecosystems.rust import Rust
from devctl.ecosystems.tree import Tree

ECOSYSTEMS: tuple[Ecosystem, ...] = (Python(), Node(), Go(), Rust(), Maven(), Gradle())


def ecosystem_named(name: str) -> Ecosystem:
    """The ecosystem of a plan."""
    return next(ecosystem for ecosystem in ECOSYSTEMS if ecosystem.name == name)


def plan_tree(root: Path, packages: tuple[str, ...] = ()) -> tuple[Plan, ...]:
    """Say what is to be installed for a tree, Python's part first; raises PreparationFailed."""
    tree = Tree(root)
    found = (ecosystem.detect(tree, packages) for ecosystem in ECOSYSTEMS)
    return tuple(plan for plan in found if plan is not None)


def wanted_packages(plans: tuple[Plan, ...]) -> tuple[str, ...]:
    """The packages of all plans, as the policy is asked for them."""
    return tuple(dict.fromkeys(package for plan in plans for package in plan.packages))
