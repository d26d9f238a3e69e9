"""From the features that are asked for to the features at hand, with all that they depend on."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devctl.errors import SourceInvalid
from devctl.sources.devcontainer import FeatureWish
from devctl.sources.feature_registry import fetch_feature
from devctl.sources.features import Feature, base_of, in_order, read_feature
from devctl.sources.finding import within
from devctl.sources.variables import Variables

MOST = 50
"""Features of one environment, those that others depend on among them."""


class Features:
    """Finds features for one devcontainer.json; what it fetches lies below `scratch`."""

    def __init__(self, tree: Path, beside: Path, scratch: Path, variables: Variables) -> None:
        self._tree = tree
        self._beside = beside
        self._scratch = scratch
        self._variables = variables

    def find(self, wishes: Sequence[FeatureWish], wanted: Sequence[str]) -> list[Feature]:
        """All features in the order in which they are installed; raises SourceInvalid."""
        found: dict[str, Feature] = {}
        left = list(wishes)
        while left:
            wish = left.pop(0)
            key = base_of(wish.reference)
            if key in found:
                continue
            if len(found) == MOST:
                raise SourceInvalid(f"more than {MOST} features are asked for", "take some out")
            found[key] = read_feature(wish, self._folder(wish.reference, len(found)), self._variables)
            left += found[key].depends_on
        return in_order(list(found.values()), wanted)

    def _folder(self, reference: str, number: int) -> Path:
        if reference.startswith((".", "/")):
            return within(self._tree, self._beside / reference)
        if "/" not in reference:
            raise SourceInvalid(
                f"the feature {reference!r} has a name of old, which no tool resolves any more",
                "write the registry's reference, such as ghcr.io/devcontainers/features/NAME:1",
            )
        folder = self._scratch / f"feature-{number:02}"
        folder.mkdir(parents=True)
        fetch_feature(reference, folder)
        return folder


def scratch_folder(parent: Path) -> Path:
    """A private folder that is removed with the resolved source."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix="source-", dir=parent))


def drop(folder: Path) -> None:
    """Remove a folder and what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
