"""Whether somebody may build upon the images that a plan begins with."""

from collections.abc import Iterable

from devctl.builder.builder import Builder
from devctl.fleet.interfaces import Admission
from devctl.fleet.records import User


def decide_bases(admission: Admission, builder: Builder, user: User, name: str, bases: Iterable[str]) -> None:
    """Ask the policy about each of them, for an image called `name`; raises LaunchRefused."""
    for base in bases:
        admission.decide_image(user, "build", name, base, labels=builder.labels(base))
