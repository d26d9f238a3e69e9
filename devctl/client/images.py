"""Images that the service builds, makes by answers, lists, removes and scans."""

import builtins
from pathlib import Path

from devctl.builder.records import BuiltImage, ImageInfo
from devctl.client.environments import Told
from devctl.client.operations import RemoteOperations
from devctl.client.uploads import upload
from devctl.client.wire import LONG_SECONDS, Wire, place
from devctl.scan.records import ScanReport
from devctl.serve.image_records import BuildChoices, WizardDraft, WizardForm, WizardQuestions
from devctl.wizard.records import CustomImage, WizardRequest


class RemoteImages:
    """The images of whom the token belongs to."""

    def __init__(self, wire: Wire, operations: RemoteOperations) -> None:
        self._wire, self._operations = wire, operations

    def list(self) -> list[ImageInfo]:
        """Those that were built for the caller, all for an admin; newest first."""
        return [ImageInfo.model_validate(one) for one in self._wire.json("GET", place("images"))["items"]]

    def remove(self, image: str, force: bool = False) -> tuple[str, ...]:
        """Remove one by a name or its id; returns all names that it had. Admins alone may use force."""
        return tuple(
            self._wire.json("DELETE", place("images", image=image, force=force), seconds=LONG_SECONDS)["removed"]
        )

    def build(self, folder: Path, choices: BuildChoices | None = None, progress: Told | None = None) -> BuiltImage:
        """Build a folder of this machine with its Dockerfile."""
        chosen = (choices or BuildChoices()).model_dump(mode="json")
        wish = {**chosen, "tree": upload(self._wire, folder)}
        return BuiltImage.model_validate(self._operations.run(place("builds"), wish, progress))

    def form(self) -> WizardForm:
        """What the wizard asks, and what it made for the caller."""
        return WizardForm.model_validate(self._wire.json("GET", place("wizard")))

    def questions(self) -> WizardQuestions:
        """What the wizard asks the caller."""
        form = self.form()
        return WizardQuestions(bases=form.bases, prefix=form.prefix)

    def draft(self, request: WizardRequest) -> WizardDraft:
        """The Dockerfile that would come of answers; nothing is built."""
        return WizardDraft.model_validate(self._wire.json("POST", place("wizard", "draft"), _json(request)))

    def make(self, request: WizardRequest, progress: Told | None = None) -> CustomImage:
        """Make an image of a base and packages, as the wizard does."""
        return CustomImage.model_validate(self._operations.run(place("wizard"), _json(request), progress))

    def scan(self, image: str, fresh: bool = False, progress: Told | None = None) -> ScanReport:
        """Look for what is known against an image; `fresh` asks again though it was scanned within a day."""
        wish = {"image": image, "fresh": fresh}
        return ScanReport.model_validate(self._operations.run(place("scans"), wish, progress))

    def last_scan(self, image: str) -> ScanReport:
        """What the last scan of an image found; raises NoSuchResource."""
        return ScanReport.model_validate(self._wire.json("GET", place("scans", image=image)))


def _json(request: WizardRequest) -> builtins.dict[str, object]:
    found: dict[str, object] = request.model_dump(mode="json", exclude_none=True)
    return found
