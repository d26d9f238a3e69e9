"""What was found out about trees, kept: the list of files in memory, the facts on disk too where a tree is large."""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError

from tools.facts import RepositoryFacts, repository_facts
from tools.gitobjects import Entry, list_tree
from tools.gitrun import Git

log = logging.getLogger(__name__)

VERSION = 1
"""Raised whenever facts are told in another way."""
LISTS = 4
"""Trees whose files are kept in memory; 100,000 files take about 40 MB."""
FACTS = 64
FACTS_ON_DISK = 50
LARGE = 5_000
"""Files from which on the facts are worth a file of their own."""

Kept = TypeVar("Kept")


class TreeCache:
    """Files and facts of commits and trees by their sha, which never change; safe to share between threads."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._folder = git.git_dir / f"roadcrew-facts-{VERSION}"
        self._lock = threading.Lock()
        self._files: OrderedDict[str, tuple[Entry, ...]] = OrderedDict()
        self._facts: OrderedDict[str, RepositoryFacts] = OrderedDict()

    def files(self, sha: str) -> list[Entry]:
        """All files, sorted by path; the list is the caller's own."""
        kept: tuple[Entry, ...] = self._kept(self._files, LISTS, sha, lambda: tuple(list_tree(self._git, sha)))
        return list(kept)

    def facts(self, sha: str) -> RepositoryFacts:
        """What can be told without running anything."""
        return self._kept(self._facts, FACTS, sha, lambda: self._from_disk(sha) or self._found(sha))

    def _kept(self, kept: OrderedDict[str, Kept], limit: int, sha: str, find: Callable[[], Kept]) -> Kept:
        with self._lock:
            if sha in kept:
                kept.move_to_end(sha)
                return kept[sha]
        found = find()
        with self._lock:
            kept[sha] = found
            while len(kept) > limit:
                kept.popitem(last=False)
        return found

    def _found(self, sha: str) -> RepositoryFacts:
        facts = repository_facts(self._git, self.files(sha))
        if facts.files >= LARGE:
            self._folder.mkdir(exist_ok=True)
            draft = self._folder / f"{sha}.{os.getpid()}.{threading.get_ident()}.draft"
            draft.write_text(facts.model_dump_json())
            draft.replace(self._folder / f"{sha}.json")
            self._forget_old()
        return facts

    def _from_disk(self, sha: str) -> RepositoryFacts | None:
        try:
            return RepositoryFacts.model_validate_json((self._folder / f"{sha}.json").read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            log.warning("the kept facts of %s are broken: %s", sha, error)
            return None

    def _forget_old(self) -> None:
        """Delete the oldest files; another process may do the same at once."""
        ages = {}
        for file in self._folder.glob("*.json"):
            try:
                ages[file] = file.stat().st_mtime
            except FileNotFoundError:
                continue
        for file in sorted(ages, key=lambda file: ages[file])[:-FACTS_ON_DISK]:
            file.unlink(missing_ok=True)
