"""What running a change's documents gave, kept: the same content in the same environment is not run twice.

It is kept in the artifact store of this program, in a folder that the caller names for one feature of one repository.
No environment sees that store, and no other repository's documents are looked up there.
"""

import functools
import hashlib
import json
import logging
from collections.abc import Callable
from importlib import resources

from pydantic import ValidationError

from tools.artifacts import ArtifactStore
from tools.docs.records import DocFinding
from tools.errors import ArtifactMissing
from tools.record import Record

logger = logging.getLogger(__name__)


class Run(Record):
    """What running a change's documents gave."""

    findings: tuple[DocFinding, ...] = ()
    snippets: int = 0
    left: int = 0
    built: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    settled: bool = True
    """Whether it would come out the same again: nothing ran out of time."""


class KeptRuns:
    """Runs of one feature's documents, by the digest of all that decides them."""

    def __init__(self, store: ArtifactStore, folder: str, environment: Callable[[str], str]) -> None:
        self._store = store
        self._folder = folder
        self._environment = environment
        """Returns the digest of what a commit's environment has installed, and of what it is made with."""

    def run(self, trees: tuple[str, str], commit: str, run: Callable[[], Run]) -> Run:
        """Return what is kept for these trees (the base's, the commit's), else run and keep it if it is settled."""
        place = f"{self._folder}/{_digest(*trees, self._environment(commit), checker())}.json"
        kept = self._kept(place)
        if kept is not None:
            logger.info("the documents of %s were run before, in %s: the result is taken over", trees[1], place)
            return kept
        made = run()
        if made.settled:
            self._store.put(place, made.model_dump_json().encode())
        return made

    def _kept(self, place: str) -> Run | None:
        try:
            return Run.model_validate_json(self._store.read(place))
        except ArtifactMissing:
            return None
        except ValidationError as error:
            logger.warning("%s cannot be read, the documents are run again: %s", place, error)
            return None


@functools.cache
def checker() -> str:
    """Return the digest of the checks themselves: another version of them may find something else."""
    files = [
        file
        for folder in ("docs", "inside")
        for file in resources.files("tools").joinpath(folder).iterdir()
        if file.name.endswith(".py")
    ]
    return _digest(*(file.read_text(encoding="utf-8") for file in sorted(files, key=lambda file: file.name)))


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
