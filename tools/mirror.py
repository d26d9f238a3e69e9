"""A bare mirror of one repository on this host: fetch, read, write commits, merge, push.

The mirror's branches are the remote's as last seen; commits of our own lie in it unreferenced until they are
pushed. Nothing is checked out: edits and merges are made on trees. Errors: see `tools.errors.GitError`.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from tools import gitobjects, history
from tools.bundles import make_bundle, make_small_bundle, read_bundle
from tools.clone import clone_into
from tools.errors import ObjectMissing, PushRejected
from tools.facts import RepositoryFacts
from tools.gitobjects import ROADCREW, CommitInfo, Entry, Person
from tools.gitrun import Git, GitSettings
from tools.loose_objects import write_own_commit
from tools.merging import MergeResult, merge_trees
from tools.mirror_lock import locked
from tools.old_blobs import OldBlobs
from tools.patch import ChangedFile, Diff, DiffLimits, changed_files, changed_lines, diff
from tools.tree_cache import TreeCache
from tools.tree_edits import edited_tree, grafted_tree
from tools.upkeep import keep_up
from tools.upstream import HISTORY, Upstream

log = logging.getLogger(__name__)

Found = TypeVar("Found")


class Mirror:
    """A bare mirror in `folder`, made when it is not there; safe to share between threads and processes."""

    def __init__(
        self,
        folder: Path,
        url: str,
        token: SecretStr | str | None = None,
        settings: GitSettings | None = None,
        *,
        branches: Sequence[str] | None = None,
        partial: bool = False,
    ) -> None:
        """`branches` are those that a fetch brings, with `*` for any part of a name; None for all, and all tags.

        `partial`: the contents of files that only older commits hold stay with the remote until they are read.
        """
        self.folder = folder
        self.branches_wanted = None if branches is None else tuple(branches)
        self.git = Git(folder, settings)
        self._upstream = Upstream(self.git, url, token, partial=partial)
        self.url = self._upstream.url
        self._old_blobs = OldBlobs(self.git, self._upstream)
        self._trees = TreeCache(self.git)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.folder):
            if not (folder / "HEAD").exists():
                self._create()

    # -- the remote

    def fetch(self, *more: str) -> None:
        """Make the wanted branches, and `more`, what the remote has now; raises FetchFailed or RemoteUnavailable."""
        with locked(self.folder):
            if self.branches_wanted is None:
                self._upstream.fetch_all()
            else:
                self._upstream.fetch_branches((*self.branches_wanted, *more))
            self._old_blobs.settle()
        log.info("fetched %s", self.url)
        keep_up(self.git)

    def bring(self, commit: str) -> bool:
        """Whether the mirror has a commit after fetching, by its name where no wanted branch leads to it."""
        if not self.has(commit):
            self.fetch()
        if not self.has(commit):
            with locked(self.folder):
                came = self._upstream.fetch_commit(commit)
            if came:
                self._old_blobs.bring([commit], HISTORY)
        return self.has(commit)

    def default_branch(self) -> str | None:
        """The branch that the remote's HEAD names, or None for an empty repository; asks the remote."""
        return self._upstream.default_branch()

    def push(self, branch: str, new: str, expected_old: str | None) -> None:
        """Move the remote's branch from `expected_old` (None: it must not exist) to `new`, never back.

        Repeating a push that was made does nothing. Raises PushRejected, its `reason` told apart.
        """
        ref = gitobjects.branch_ref(self.git, branch)
        self.commit(new)
        if expected_old is not None and not self.is_ancestor(expected_old, new):
            hint = "merge the branch's head first"
            raise PushRejected(f"{new[:12]} does not contain {expected_old[:12]}, {branch}'s head", "moved", hint)
        with locked(self.folder):
            self._upstream.push(ref, new, expected_old)
            self.git.run("update-ref", ref, new)
        log.info("pushed %s to %s of %s", new[:12], branch, self.url)

    def create_branch(self, branch: str, commit: str) -> None:
        """Make a branch on the remote; fine if it is there at this commit, PushRejected if elsewhere."""
        self.push(branch, commit, None)

    # -- reading

    def head(self, branch: str) -> str | None:
        """The commit of a branch as last fetched or pushed, or None."""
        return gitobjects.resolve(self.git, gitobjects.branch_ref(self.git, branch))

    def require(self, branch: str) -> str:
        """The commit of a branch as last fetched or pushed; raises ObjectMissing."""
        head = self.head(branch)
        if head is None:
            raise ObjectMissing(f"{self.url} has no branch {branch!r}", "fetch, or create the branch first")
        return head

    def has(self, commit: str) -> bool:
        """Whether the mirror has a commit."""
        return gitobjects.SHA.fullmatch(commit) is not None and not gitobjects.missing(self.git, [commit])

    def branches(self) -> dict[str, str]:
        """All branches with their commits, as last fetched or pushed."""
        text = self.git.run("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads/").text
        return {name: sha for sha, _, name in (line.partition(" ") for line in text.splitlines())}

    def facts(self, commit: str) -> RepositoryFacts:
        """What can be told of a commit's files without running anything."""
        return self._old_blobs.reading([commit], lambda: self._trees.facts(self._object(commit)))

    def commit(self, sha: str) -> CommitInfo:
        """One commit; raises ObjectMissing."""
        return gitobjects.read_commit(self.git, sha)

    def tree_of(self, commit: str) -> str:
        """The tree of a commit."""
        return self.commit(commit).tree

    def files(self, commit: str) -> list[Entry]:
        """All files of a commit with their modes and sizes, sorted by path."""
        return self._old_blobs.reading([commit], lambda: self._trees.files(self._object(commit)))

    def read(self, commit: str, path: str) -> bytes:
        """The content of a file at a commit or tree (a link's is its target); raises ObjectMissing."""
        found = self.read_many(commit, [path])
        if path not in found:
            raise ObjectMissing(f"there is no file {path!r} at {commit[:12]}")
        return found[path]

    def read_many(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """The contents of those of the files that exist at a commit or tree."""
        wanted = [path for path in paths if path and "\n" not in path and "\0" not in path]
        names = [f"{self._object(commit)}:{path}" for path in wanted]
        found = gitobjects.read_objects(self.git, names)
        absent = [path for path, item in zip(wanted, found, strict=True) if item is None]
        if absent and self._old_blobs.bring_files(commit, absent):
            found = gitobjects.read_objects(self.git, names)
        return {path: item[2] for path, item in zip(wanted, found, strict=True) if item and item[1] == "blob"}

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`; a commit that the mirror lacks is contained in nothing."""
        return history.is_ancestor(self.git, older, newer)

    def merge_base(self, left: str, right: str) -> str | None:
        """The best common ancestor, or None for unrelated histories."""
        return history.merge_base(self.git, left, right)

    def log(self, tip: str, since: str | None = None, limit: int = 1000) -> list[CommitInfo]:
        """Commits of `tip` that are not in `since`, newest first."""
        found = history.commits_between(self.git, since and self._object(since), self._object(tip), limit)
        return [self.commit(sha) for sha in found]

    def find_trailer(self, branch: str, key: str, value: str, since: str | None = None) -> str | None:
        """The newest commit of a branch (or commit) whose message has the trailer `key: value`, or None."""
        tip = self.head(branch) if gitobjects.SHA.fullmatch(branch) is None else branch
        if tip is None:
            return None
        return history.commit_with_trailer(self.git, tip, key, value, since and self._object(since))

    def changed_files(self, base: str, commit: str) -> tuple[ChangedFile, ...]:
        """The files in which two commits or trees differ; a rename is a deletion and an addition."""
        names = (self._object(base), self._object(commit))
        return self._old_blobs.reading(names, lambda: changed_files(self.git, *names))

    def diff(self, base: str, commit: str, limits: DiffLimits | None = None, paths: Sequence[str] = ()) -> str:
        """The change between two commits or trees as a unified diff, cut where it is long; of `paths` alone if given."""
        names = (self._object(base), self._object(commit))
        return self._old_blobs.reading(names, lambda: diff(self.git, *names, limits or DiffLimits(), paths)).text

    def change(self, base: str, commit: str, limits: DiffLimits | None = None) -> Diff:
        """The change between two commits or trees: its text, its files, a verdict."""
        names = (self._object(base), self._object(commit))
        return self._old_blobs.reading(names, lambda: diff(self.git, *names, limits or DiffLimits()))

    def changed_lines(self, base: str, commit: str) -> dict[str, frozenset[int]]:
        """By path, the numbers of the lines that are new or different in `commit`."""
        names = (self._object(base), self._object(commit))
        return self._old_blobs.reading(names, lambda: changed_lines(self.git, *names))

    # -- writing, without a work tree

    def commit_tree(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        *,
        at: datetime | None = None,
        author: Person = ROADCREW,
    ) -> str:
        """Store a commit; `at` (default: now) is its time, the same arguments give the same commit."""
        when = at or datetime.now(UTC)
        return gitobjects.write_commit(self.git, tree, parents, message, at=when, author=author)

    def commit_progress(self, tree: str, base: CommitInfo) -> str:
        """Store a tree of the mirror as work in progress on a commit, always the same; the commit itself for its tree.

        Done without a git process: it follows every step that changed something.
        """
        if tree == base.tree:
            return base.sha
        message = f"Work in progress on {base.sha[:12]}"
        ident = f"{ROADCREW.name} <{ROADCREW.email}>"
        return write_own_commit(self.folder, tree, [base.sha], message, ident, base.committed_at)

    def commit_edits(
        self,
        parent: str,
        edits: Mapping[str, bytes | str | None],
        message: str,
        *,
        at: datetime | None = None,
        author: Person = ROADCREW,
    ) -> str:
        """Store a commit on `parent` with files written, or removed for None; modes stay."""
        tree = self.edit_tree(parent, edits)
        return self.commit_tree(tree, [parent], message, at=at, author=author)

    def edit_tree(self, base: str, edits: Mapping[str, bytes | str | None]) -> str:
        """A tree like that of `base` with files written, or removed for None."""
        return edited_tree(self.git, self._object(base), self.files(base), edits)

    def graft(self, onto: str, source: str, paths: Sequence[str]) -> str:
        """A tree like that of `onto` with these files as `source` has them, gone where it has none."""
        tree, entries = self._object(onto), self.files(source)
        return self._old_blobs.reading([onto], lambda: grafted_tree(self.git, tree, entries, paths))

    def merge_trees(self, ours: str, theirs: str) -> MergeResult:
        """Merge two commits without a work tree; conflicts are reported, not raised."""
        names = history.merged_commits(self.git, self.commit(ours).sha, self.commit(theirs).sha)
        return self._old_blobs.reading(names, lambda: merge_trees(self.git, ours, theirs))

    # -- carrying commits

    def bundle(self, base: str | None, commit: str, new: Collection[str] | None = None) -> bytes:
        """A git bundle with the commits of `commit` that are not in `base` (all, for None).

        `new` are the objects of `commit` that `base` lacks, where they are known.
        """
        for sha in (base, commit):
            if sha is not None and gitobjects.SHA.fullmatch(sha) is None:
                raise ObjectMissing(f"{sha[:60]!r} is no full name of a commit")
        small = make_small_bundle(self.git, base, commit, new) if base is not None and new is not None else None
        return small or self._old_blobs.reading(
            history.commits_around(self.git, base, commit), lambda: make_bundle(self.git, base, commit)
        )

    def unbundle(self, data: bytes) -> str:
        """Check and store a bundle's objects and return its commit; raises ObjectMissing or GitBroken."""
        return read_bundle(self.git, data)

    def clone_into(self, folder: Path, commit: str, *, files_of: str | None = None) -> None:
        """Make a folder a throw-away clone of a commit; see `tools.clone.clone_into`."""
        names = [self._object(commit), *([self._object(files_of)] if files_of else [])]
        self._old_blobs.reading(names, lambda: clone_into(self.git, folder, commit, files_of=files_of), HISTORY)

    # -- the mirror itself

    def _create(self) -> None:
        self.git.run("init", "--quiet", "--bare", "--template=", "--object-format=sha1", str(self.folder))
        self.git.run("config", "uploadpack.allowAnySHA1InWant", "true")  # clones are made of any commit
        self.git.run("config", "gc.auto", "0")

    def _object(self, name: str) -> str:
        """A commit or tree by its sha; nothing that git would read as an option or an expression."""
        if gitobjects.SHA.fullmatch(name) is None or gitobjects.missing(self.git, [name]):
            raise ObjectMissing(f"{self.folder} has no object {name[:60]!r}", "fetch the repository again")
        return name
