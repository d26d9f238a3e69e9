"""All checks of a change's documentation, on the commit as it lies in the mirror."""

from collections.abc import Callable, Sequence

from tools.docs.documents import Documents
from tools.docs.installing import installing
from tools.docs.interface import InterfaceCheck
from tools.docs.kept import KeptRuns, Run
from tools.docs.links import check_links
from tools.docs.meeting import Meeting
from tools.docs.needs import PlannedDocument, documentation_brief
from tools.docs.records import DocFinding, DocReport, in_order
from tools.docs.running import SnippetRun
from tools.docs.sites import SiteBuild
from tools.docs.snippets import Snippet, snippets_of, unread
from tools.mirror import Mirror
from tools.worktree import WorkTree

OpenTree = Callable[[str], WorkTree]
"""Opens an environment with the files of a commit in it."""


MOST_SNIPPETS = 200
"""Snippets of one change that are run."""


class DocumentationChange:
    """A feature's change as its documentation is judged: from the feature's base to a commit."""

    def __init__(
        self,
        mirror: Mirror,
        base: str,
        commit: str,
        *,
        planned: Sequence[PlannedDocument] = (),
        closing: bool = True,
        open_tree: OpenTree | None = None,
        kept: KeptRuns | None = None,
    ) -> None:
        self._mirror, self._base, self._commit = mirror, base, commit
        self._planned = tuple(planned)
        self._closing = closing
        """Whether all that the feature needs has to be there; before its last documentation task it has not."""
        self._open_tree = open_tree
        """None leaves out all that would run."""
        self._kept = kept
        """Where results of earlier runs lie; None runs each time."""

    @property
    def documents(self) -> tuple[str, ...]:
        """The documents that differ and are still there."""
        changed = {file.path for file in self._mirror.changed_files(self._base, self._commit)}
        return tuple(path for path in Documents(self._mirror, self._commit).paths if path in changed)

    def check(self) -> DocReport:
        """Run every check that applies."""
        brief = documentation_brief(self._mirror, self._base, self._commit, self._planned)
        findings: list[DocFinding] = []
        if self._closing:
            findings += Meeting(self._mirror, self._base, self._commit).unmet(brief)
        broken, links = check_links(self._mirror, self._base, self._commit, self.documents)
        run = self._run() if self._open_tree is not None else Run()
        return DocReport(
            findings=in_order([*findings, *broken, *run.findings]),
            needs=brief.needs if self._closing else (),
            documents=self.documents,
            links=links,
            snippets=run.snippets,
            left=run.left,
            built=run.built,
            notes=run.notes,
        )

    def _run(self) -> Run:
        """Run what has to be run, all in one environment; none is opened where there is nothing."""
        snippets = self._snippets(self._commit)
        site, interface = SiteBuild(self._mirror, self._commit), InterfaceCheck(self._mirror, self._base, self._commit)
        fit = [one for one in snippets if not one.left][:MOST_SNIPPETS]
        builds = site.configured and bool(self.documents)
        beyond = sum(not one.left for one in snippets) - len(fit)
        notes = [f"{beyond} snippets beyond the first {MOST_SNIPPETS} were not run."] if beyond else []
        notes += [f"{one.path}:{one.line} was not run: {one.left}." for one in snippets if one.left]
        texts = Documents(self._mirror, self._commit).texts
        notes += [note for path in self.documents for note in unread(path, texts.get(path, ""))]
        if not fit and not builds and not interface.concerned:
            return Run(left=len(snippets), notes=tuple(notes))

        def run() -> Run:
            made = self._run_all(fit, site if builds else None, interface)
            left = len(snippets) - len(fit)
            return made.model_copy(update={"left": left, "notes": (*made.notes, *notes)})

        if self._kept is None:
            return run()
        trees = self._mirror.tree_of(self._base), self._mirror.tree_of(self._commit)
        return self._kept.run(trees, self._commit, run)

    def _run_all(self, fit: list[Snippet], site: SiteBuild | None, interface: InterfaceCheck) -> Run:
        """Run what fits, in an environment of the commit; what fails is tried on the base as well.

        No site is built where none is given.
        """
        findings: list[DocFinding] = []
        with self._opened(self._commit) as worktree:
            findings += site.findings(worktree, lambda: self._opened(self._base)) if site else []
            findings += interface.findings(worktree) if interface.concerned else []
            snippets = SnippetRun(worktree, self._commit)
            failed = snippets.findings(fit)
        ours = self._without_older(failed, fit)
        older = [f"{one.as_text} It failed before the change as well." for one in failed if one not in ours]
        return Run(
            findings=(*findings, *ours),
            snippets=len(fit),
            built=(*(site.built if site else []), *(["openapi"] if interface.built else [])),
            notes=(*(site.notes if site else []), *interface.notes, *older),
            settled=not (snippets.timed_out or interface.timed_out or (site is not None and site.timed_out)),
        )

    def _without_older(self, failed: list[DocFinding], snippets: list[Snippet]) -> list[DocFinding]:
        """Leave out what is written as it was at the base and failed there already."""
        paths = {one.path for one in failed}
        before = [one for one in self._snippets(self._base) if one.path in paths and not one.left]
        known = {(one.path, one.code) for one in before}
        doubtful = [one for one in failed if _key(one, snippets) in known]
        if not doubtful:
            return failed
        with self._opened(self._base) as worktree:
            older = {_key(one, before) for one in SnippetRun(worktree, self._base).findings(before)}
        return [one for one in failed if _key(one, snippets) not in older]

    def _snippets(self, commit: str) -> tuple[Snippet, ...]:
        programs = frozenset(item.name for item in installing(self._mirror, commit) if item.text == "program")
        texts = Documents(self._mirror, commit).texts
        there = [path for path in self.documents if path in texts]
        return tuple(one for path in there for one in snippets_of(path, texts[path], programs))

    def _opened(self, commit: str) -> WorkTree:
        if self._open_tree is None:
            raise RuntimeError("nothing is run without an environment")
        return self._open_tree(commit)


def _key(finding: DocFinding, snippets: Sequence[Snippet]) -> tuple[str, str]:
    """The document and the code of the snippet that a finding is about."""
    mine = [one for one in snippets if one.path == finding.path and one.line <= finding.line]
    return finding.path, max(mine, key=lambda one: one.line).code if mine else ""
