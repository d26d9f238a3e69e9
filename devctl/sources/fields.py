"""Reading the members of a devcontainer.json by name and kind, so that nothing is passed over in silence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from devctl import jsonc
from devctl.errors import SourceInvalid

LARGEST = 1_000_000
"""Bytes of the largest file that is read as JSON."""


@dataclass(frozen=True)
class Document:
    """A file of JSON with comments."""

    path: Path
    text: str
    root: jsonc.Node

    def wrong(self, node: jsonc.Node, problem: str, hint: str = "") -> SourceInvalid:
        """The error for something in the file, with its line and column."""
        line, column = jsonc.place(self.text, node.start)
        return SourceInvalid(f"{self.path}, line {line}, column {column}: {problem}", hint or "correct the file")


def read_document(path: Path) -> Document:
    """Read a file whose value is an object; raises SourceInvalid with line and column."""
    try:
        if path.stat().st_size > LARGEST:
            raise SourceInvalid(f"{path} has more than {LARGEST} bytes", "is it the file that was meant?")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SourceInvalid(f"{path} is not UTF-8: byte {error.start} is none", "save it as UTF-8") from error
    except OSError as error:
        raise SourceInvalid(f"{path} cannot be read: {error.strerror}", "check the path") from error
    try:
        root = jsonc.parse(text)
    except jsonc.JsoncInvalid as error:
        raise SourceInvalid(
            f"{path}, line {error.line}, column {error.column}: {error.problem}", "correct the file"
        ) from error
    document = Document(path, text, root)
    if root.kind != "object":
        raise document.wrong(root, f"an object belongs here, not {article(root.kind)}")
    return document


@dataclass(frozen=True)
class Fields:
    """The members of one object of a document; remembers which were asked for."""

    document: Document
    node: jsonc.Node
    fill: Callable[[str], str] = str
    """Fills in the variables of a text."""
    asked: set[str] = field(default_factory=set)

    def find(self, key: str, *kinds: jsonc.Kind) -> jsonc.Node | None:
        """A member of one of the kinds, None when it is not there or null; raises SourceInvalid."""
        self.asked.add(key)
        found = self.node.get(key)
        if found is None or found.kind == "null":
            return None
        if kinds and found.kind not in kinds:
            wanted = " or ".join(article(kind) for kind in kinds)
            raise self.document.wrong(found, f"{key!r} must be {wanted}, not {article(found.kind)}")
        return found

    def string(self, key: str) -> str | None:
        """A text that is not empty."""
        found = self.find(key, "string")
        if found is None:
            return None
        if not str(found.scalar).strip():
            raise self.document.wrong(found, f"{key!r} is empty")
        return self.text(found)

    def boolean(self, key: str) -> bool | None:
        """True or false."""
        found = self.find(key, "boolean")
        return None if found is None else bool(found.scalar)

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of texts, of which one alone may stand without brackets."""
        found = self.find(key, "array", "string")
        if found is None:
            return ()
        elements = found.elements if found.kind == "array" else (found,)
        for element in elements:
            if element.kind != "string":
                raise self.document.wrong(element, f"{key!r} must hold texts, not {article(element.kind)}")
        return tuple(self.text(element) for element in elements)

    def texts(self, key: str, fill: Callable[[str], str] | None = None) -> dict[str, str | None]:
        """An object of texts; numbers and truth values are taken as the text they are written as."""
        found = self.find(key, "object")
        fill = fill or self.fill
        result: dict[str, str | None] = {}
        for name, value in found.members() if found else ():
            if value.kind in ("object", "array"):
                raise self.document.wrong(value, f"{key}.{name.scalar} must be a text, not {article(value.kind)}")
            result[str(name.scalar)] = None if value.kind == "null" else fill(plain(value))
        return result

    def fields(self, key: str) -> "Fields | None":
        """An object, to be read member by member."""
        found = self.find(key, "object")
        return None if found is None else Fields(self.document, found, self.fill)

    def value(self, key: str) -> JsonValue:
        """Whatever stands there."""
        found = self.find(key)
        return None if found is None else found.value()

    def text(self, node: jsonc.Node) -> str:
        """A scalar as text, its variables filled in."""
        return self.fill(plain(node))

    def wrong(self, key: str, problem: str, hint: str = "") -> SourceInvalid:
        """The error for a member, or for the whole object where it is not there."""
        return self.document.wrong(self.node.get(key) or self.node, problem, hint)

    def rest(self) -> tuple[str, ...]:
        """The keys that nobody asked for."""
        return tuple(str(key.scalar) for key in self.node.keys if key.scalar not in self.asked)


def plain(node: jsonc.Node) -> str:
    """A scalar as text, truth values in JSON's own writing."""
    return str(node.scalar).lower() if node.kind == "boolean" else str(node.scalar)


def article(kind: jsonc.Kind) -> str:
    """A kind of value, in words."""
    words = {"string": "a text", "boolean": "true or false", "null": "null", "number": "a number"}
    return words.get(kind) or f"an {kind}"
