"""All checks of a change's documentation, on the commit as it lies in the mirror."""

from collections.abc import Callable, Sequence

from tools.docs.documents import Documents
from tools.docs.links import check_links
from tools.docs.meeting import Meeting
from tools.docs.needs import PlannedDocument, documentation_brief
from tools.docs.records import DocFinding, DocReport, in_order
from tools.environments import WorkTree
from tools.mirror import Mirror

OpenTree = Callable[[str], WorkTree]
"""Opens an environment with the files of a commit in it."""


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
    ) -> None:
        self._mirror, self._base, self._commit = mirror, base, commit
        self._planned = tuple(planned)
        self._closing = closing
        """Whether all that the feature needs has to be there; before its last documentation task it has not."""
        self._open_tree = open_tree
        """None leaves out all that would run."""

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
        findings += broken
        return DocReport(
            findings=in_order(findings),
            needs=brief.needs if self._closing else (),
            documents=self.documents,
            links=links,
        )
