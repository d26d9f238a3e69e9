"""What the service is asked about images, and what it says."""

from pathlib import Path

from pydantic import Field

from devctl.builder.records import IMAGE, BuildOptions, ImageInfo
from devctl.records import Record
from devctl.sources.finding import within
from devctl.sources.records import BuildPlan
from devctl.wizard.lint import LintFinding
from devctl.wizard.records import Base, CustomImage


class BuildChoices(Record):
    """How an image is built."""

    dockerfile: str = Field(default="Dockerfile", max_length=500)
    """Its path in the folder."""
    target: str | None = Field(default=None, max_length=200)
    args: dict[str, str] = {}
    """Never secrets: they stay in the image."""
    tag: str | None = Field(default=None, pattern=IMAGE, max_length=200)
    """A name besides the one by its digest; `devctl-user/USER/…` for those who are no admins."""
    no_cache: bool = False

    def plan(self, tree: Path) -> BuildPlan:
        """What is built of a folder; raises SourceInvalid for a Dockerfile that is not in it."""
        return BuildPlan(
            context=tree, dockerfile=within(tree, tree / self.dockerfile), args=self.args, target=self.target
        )

    def options(self, owner: str) -> BuildOptions:
        """How it is built for somebody."""
        return BuildOptions(tag=self.tag, owner=owner, no_cache=self.no_cache)


class BuildWish(BuildChoices):
    """An image to build of a Dockerfile that was sent as an upload."""

    tree: str = Field(max_length=64)
    """Id of the upload that is the context."""


class ScanWish(Record):
    """An image to scan, which the service's engine has."""

    image: str = Field(min_length=1, max_length=512)
    fresh: bool = False
    """Ask again, though it was scanned within a day."""


class ImageList(Record):
    """Images that were built, newest first."""

    items: tuple[ImageInfo, ...]


class ImageQuery(Record):
    """Which image."""

    image: str = Field(min_length=1, max_length=512)
    """A name or id, as the list shows it."""


class ImageRemoval(ImageQuery):
    """Which image, and how."""

    force: bool = False
    """Also where stopped containers are made of it; admins only."""


class RemovedNames(Record):
    """The names that were removed."""

    removed: tuple[str, ...]


class WizardQuestions(Record):
    """What the wizard asks."""

    bases: tuple[Base, ...]
    """Base images to offer, each with the managers that can install packages into it."""
    prefix: str
    """With what the caller's names of images must begin; empty for admins."""


class WizardForm(WizardQuestions):
    """What the wizard asks and has made."""

    images: tuple[CustomImage, ...]
    """What it made for the caller, newest first; for everybody where an admin asks."""


class WizardDraft(Record):
    """What would come of answers."""

    dockerfile: str
    findings: tuple[LintFinding, ...]
    """What good practice says about it; an error would be refused."""
