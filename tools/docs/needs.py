"""What must be documented, told from a change itself and from the repository's own customs.

A custom is what the base shows: where at least half of the options there stand in its documents, a new option
has to; where functions have docstrings, a new one needs its own. Where the base has nothing of a kind, a
repository with documents describes what is new.
"""

import re
from collections.abc import Sequence
from functools import cached_property

from tools.docs.changelog import changelog_manner, changelog_need
from tools.docs.documents import Documents
from tools.docs.python_names import bare
from tools.docs.records import DocumentationNeed, NeedKind, PublicChange, PublicItem
from tools.docs.surface import Surface, SurfaceChange
from tools.mirror import Mirror
from tools.record import Record

HALF = 0.5
_FEWEST = 3
"""Public names that tell a custom."""
_AUTODOC = re.compile(r"^::: |^\.\. auto(module|class|function|method|summary|api)", re.MULTILINE)
_CODE = frozenset({"function", "class", "method"})


class PlannedDocument(Record):
    """A document that the plan has changed."""

    path: str
    """A file, a folder or a glob."""
    why: str


class Brief(Record):
    """What a change makes public and what of it must be documented."""

    changes: tuple[PublicChange, ...]
    needs: tuple[DocumentationNeed, ...]
    customs: tuple[str, ...]
    """The repository's customs, a sentence each."""
    reason: str
    """One sentence that says why there are needs, or why there are none."""


def documentation_brief(mirror: Mirror, base: str, commit: str, planned: Sequence[PlannedDocument] = ()) -> Brief:
    """What the change between two commits asks of the documentation; nothing is run."""
    surface = SurfaceChange(mirror, base, commit)
    customs = Customs(Documents(mirror, base), surface.before, bool(planned))
    changes = surface.changes
    needs = [need for change in changes for need in _needs_of(change, customs)]
    if surface.touches_source:
        needs += [need] if (need := changelog_need(changelog_manner(mirror, base))) else []
    needs += [DocumentationNeed(kind="plan", name=one.path, path=one.path, why=one.why) for one in planned]
    return Brief(
        changes=changes, needs=tuple(dict.fromkeys(needs)), customs=customs.words, reason=_reason(changes, needs)
    )


class Customs:
    """What the base of a change shows of how things are documented."""

    def __init__(self, documents: Documents, before: Surface, planned: bool) -> None:
        self.documents = documents
        self._before = before
        self._planned = planned

    @cached_property
    def docstrings(self) -> bool:
        """Whether public Python names carry docstrings, or documents are made of them."""
        items = [item for item in self._before.values() if item.kind in _CODE]
        documented = sum(item.documented for item in items)
        usual = len(items) >= _FEWEST and documented >= HALF * len(items)
        return usual or _AUTODOC.search(self.documents.whole) is not None

    @cached_property
    def reference(self) -> bool:
        """Whether documents name the functions and classes one by one."""
        items = [item for item in self._before.values() if item.kind in {"function", "class"}]
        named = sum(self.documents.name_code(item.name) for item in items)
        return len(items) >= _FEWEST and named >= HALF * len(items)

    def describes(self, kind: str, role: str = "") -> bool:
        """Whether documents describe things of this kind."""
        items = [item for item in self._before.values() if item.kind == kind and (not role or item.text == role)]
        if not items:
            return role not in {"package", "language"} and (bool(self.documents.paths) or self._planned)
        return sum(self.shows(item) for item in items) >= HALF * len(items)

    def shows(self, item: PublicItem) -> bool:
        """Whether a document of the base names the item."""
        return shows(self.documents, item)

    @property
    def words(self) -> tuple[str, ...]:
        """The customs, a sentence each."""
        found = ["Public Python names carry docstrings."] if self.docstrings else []
        found += ["Documents name public functions and classes one by one."] if self.reference else []
        paths = self.documents.paths
        kinds = [kind for kind in ("option", "command", "route", "setting") if paths and self.describes(kind)]
        found += [f"Documents describe each {', '.join(kinds)}."] if kinds else []
        shown = ", ".join(paths[:12]) + (f" and {len(paths) - 12} more" if len(paths) > 12 else "")
        return (*found, f"Documents: {shown}." if paths else "There is no document yet.")


def shows(documents: Documents, item: PublicItem) -> bool:
    """Whether some document names the item in the way that befits its kind."""
    if item.kind in _CODE or item.kind == "command":
        return documents.name_code(item.name)
    return documents.say_route(item.name) if item.kind == "route" else documents.name(item.name)


def _needs_of(change: PublicChange, customs: Customs) -> list[DocumentationNeed]:
    if change.change == "added":
        return _needs_of_new(change.item, customs)
    if change.change == "changed" and change.before is not None:
        return _needs_of_changed(change.item, change.before)
    stale = change.item.kind != "command" and customs.shows(change.item)
    return [_need("stale", change.item, "it is gone, and documents still name it")] if stale else []


def _needs_of_new(item: PublicItem, customs: Customs) -> list[DocumentationNeed]:
    needs: list[DocumentationNeed] = []
    if item.kind in _CODE:
        if customs.docstrings:
            needs.append(_need("docstring", item, "it is new, and public names have docstrings here"))
        if customs.reference and item.kind != "method":
            needs.append(_need("name", item, "it is new, and documents name functions and classes here"))
    elif item.kind == "install":
        if customs.describes("install", item.text) or (item.text == "language" and _old_language(item, customs)):
            needs.append(_need("install", item, f"this {item.text} is new to those who install the project"))
    elif customs.describes(item.kind):
        needs.append(_need(_as_need(item.kind), item, f"this {item.kind} is new to users"))
    elif item.kind == "option" and not item.documented:
        needs.append(_need("option", item, "this option is new, and has no help text"))
    return needs


def _needs_of_changed(item: PublicItem, before: PublicItem) -> list[DocumentationNeed]:
    """A docstring that names parameters has to name the new ones."""
    old, new = ([bare(one) for one in each.parameters] for each in (before, item))
    names_them = old and sum(_says(before.text, name) for name in old) >= HALF * len(old)
    words = tuple(name for name in new if name not in old)
    if not names_them or not words:
        return []
    why = f"its docstring names the parameters, and {', '.join(words)} came"
    return [_need("signature", item, why).model_copy(update={"words": words})]


def _old_language(item: PublicItem, customs: Customs) -> bool:
    """Whether documents say which version of the language is needed."""
    return re.search(rf"{item.name.partition(' ')[0]} \d", customs.documents.whole) is not None


def _says(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def _need(kind: NeedKind, item: PublicItem, why: str) -> DocumentationNeed:
    return DocumentationNeed(kind=kind, name=item.name, path=item.path, line=item.line, why=why)


def _as_need(kind: str) -> NeedKind:
    kinds: dict[str, NeedKind] = {"option": "option", "command": "command", "route": "route", "setting": "setting"}
    return kinds[kind]


def _reason(changes: Sequence[PublicChange], needs: Sequence[DocumentationNeed]) -> str:
    if needs:
        return f"{len(changes)} public changes ask for {len(needs)} points of documentation"
    if not changes:
        return "nothing public changed: no name, option, route, setting or requirement"
    return f"{len(changes)} public changes, none of a kind that this repository documents"
