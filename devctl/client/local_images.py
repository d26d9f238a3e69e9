"""Images of the engine of this machine, for its person."""

import builtins
from functools import partial
from pathlib import Path

from devctl.builder import BuildOptions, BuildStep, open_builder
from devctl.builder.admitted import decide_bases
from devctl.builder.records import BuiltImage, ImageInfo
from devctl.builder.telling import step_lines
from devctl.client.environments import Told
from devctl.fleet import open_fleet
from devctl.fleet.records import User
from devctl.scan.records import ScanReport
from devctl.serve.image_records import BuildChoices, WizardQuestions
from devctl.settings import DevctlSettings
from devctl.sources.records import BuildPlan
from devctl.wizard.records import CustomImage, WizardRequest


class LocalImages:
    """What was built on this machine's engine, for whomever: who may speak to the engine may do all with it."""

    def __init__(self, settings: DevctlSettings, user: User) -> None:
        self._settings, self._user = settings, user

    def list(self) -> builtins.list[ImageInfo]:
        """All that devctl built here, newest first."""
        with open_builder(self._settings) as builder:
            return builder.images()

    def remove(self, image: str, force: bool = False) -> tuple[str, ...]:
        """Remove one by a name or its id."""
        with open_builder(self._settings) as builder:
            return tuple(builder.remove(image, force))

    def build(self, folder: Path, choices: BuildChoices | None = None, progress: Told | None = None) -> BuiltImage:
        """Build a folder with its Dockerfile."""
        chosen = choices or BuildChoices()
        return self.build_plan(chosen.plan(folder), chosen.options(self._user.name), progress)

    def build_plan(self, plan: BuildPlan, options: BuildOptions, progress: Told | None = None) -> BuiltImage:
        """Build with all that this machine offers, once the policy has agreed to what it builds on."""
        with open_builder(self._settings) as builder:
            bases = builder.bases(plan, options)
            with open_fleet(self._settings, self._settings.policy()) as fleet:
                name = options.tag or str(plan.dockerfile)
                decide_bases(fleet.parts.admission, builder, self._user, name, bases)
            return builder.build(plan, None if progress is None else partial(_tell, progress), options)

    def questions(self) -> WizardQuestions:
        """What the wizard asks; here an image may have any name."""
        from devctl.wizard.wizard import bases

        return WizardQuestions(bases=tuple(bases()), prefix="")

    def make(self, request: WizardRequest, progress: Told | None = None) -> CustomImage:
        """Make an image of a base and packages."""
        from devctl.wizard import open_wizard

        with open_wizard(self._settings) as opened:
            return opened.make(self._user, request, None if progress is None else partial(_tell, progress))

    def scan(self, image: str, fresh: bool = False, progress: Told | None = None) -> ScanReport:
        """Look for what is known against an image of the engine."""
        from devctl.scan import open_scanner

        with open_scanner(self._settings) as scanner:
            return scanner.scan(image, fresh)


def _tell(progress: Told, step: BuildStep) -> None:
    for line in step_lines(step):
        progress(line)
