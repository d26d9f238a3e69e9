"""Whether the documentation that a change needs is there."""

from tools.docs.changelog import changelog_manner, has_entry
from tools.docs.documents import Documents
from tools.docs.needs import Brief, shows
from tools.docs.records import DocFinding, DocumentationNeed, PublicItem
from tools.docs.surface import Surface, SurfaceChange
from tools.mirror import Mirror
from tools.testpaths import matches

_HINTS = {
    "docstring": "give it a docstring that says what a caller has to know",
    "name": "describe it where its neighbours are described",
    "signature": "name the new parameters in its docstring",
    "option": "describe it where the other options are described, with what it does and its default",
    "command": "describe it where the other commands are described, with an example",
    "route": "describe it where the other routes are described, with its parameters and its answer",
    "setting": "describe it where the other settings are described, with its default",
    "install": "bring the words on installing in line",
    "changelog": "tell users in one entry what changed for them",
    "plan": "bring this document in line with the feature",
    "stale": "take it out of the documents, or name what replaces it",
}


class Meeting:
    """Looks at one commit for what a brief asks."""

    def __init__(self, mirror: Mirror, base: str, commit: str) -> None:
        self._mirror, self._base, self._commit = mirror, base, commit
        self._documents = Documents(mirror, commit)
        self._change = SurfaceChange(mirror, base, commit)

    def unmet(self, brief: Brief) -> tuple[DocFinding, ...]:
        """A finding for each need that is not met."""
        return tuple(_finding(need) for need in brief.needs if not self._is_met(need))

    def _is_met(self, need: DocumentationNeed) -> bool:
        if need.kind == "changelog":
            manner = changelog_manner(self._mirror, self._base)
            return manner is None or has_entry(self._mirror, self._base, self._commit, manner)
        if need.kind == "plan":
            return any(matches(path, [need.name]) for path in self._change.files)
        if need.kind == "stale":
            return not self._still_named(need)
        item = _item(self._change.after, need)
        if item is None:  # it is gone again
            return True
        if need.kind == "docstring":
            return item.documented
        if need.kind == "signature":
            return all(word in item.text for word in need.words)
        return shows(self._documents, item) or (need.kind == "option" and item.documented and not self._documents.paths)

    def _still_named(self, need: DocumentationNeed) -> bool:
        item = _item(self._change.before, need)
        if item is None:
            return False
        last = item.name.rpartition(".")[2]
        others = {other.name.rpartition(".")[2] for other in self._change.after.values() if other.kind == item.kind}
        return last not in others and shows(self._documents, item)


def _item(surface: Surface, need: DocumentationNeed) -> PublicItem | None:
    return next(
        (item for item in surface.values() if item.name == need.name and item.path == need.path),
        next((item for item in surface.values() if item.name == need.name), None),
    )


def _finding(need: DocumentationNeed) -> DocFinding:
    message = f"{need.kind} `{need.name}` is not documented: {need.why}"
    return DocFinding(check="need", path=need.path, line=need.line, message=message, hint=_HINTS[need.kind])
