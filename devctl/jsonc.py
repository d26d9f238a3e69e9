"""JSON with comments and trailing commas, as editors write it: read with places, changed without losing a word.

`parse` gives a tree whose nodes know where they stand in the text. `add_member` and `add_element` return the text
with one thing more and everything else as it was: comments, order, indentation and line ends.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

Kind = Literal["object", "array", "string", "number", "boolean", "null"]

DEEPEST = 100
"""Nesting beyond this is refused."""
_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DECODER = json.JSONDecoder()
_WORD = re.compile(r"[A-Za-z_]+")
_WORDS: dict[str, tuple[Kind, bool | None]] = {
    "true": ("boolean", True),
    "false": ("boolean", False),
    "null": ("null", None),
}


class JsoncInvalid(ValueError):
    """The text is no JSON with comments; `line` and `column` count from 1."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.problem = problem
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Node:
    """A value and where it stands: `text[start:end]`."""

    kind: Kind
    start: int
    end: int
    scalar: str | int | float | bool | None = None
    elements: tuple["Node", ...] = ()
    """Of an array; of an object, its values in their order."""
    keys: tuple["Node", ...] = ()
    """Of an object, beside its values."""
    trailing_comma: bool = False

    def get(self, key: str) -> "Node | None":
        """The value of a member, None when it is not there or this is no object."""
        return next((value for name, value in self.members() if name.scalar == key), None)

    def members(self) -> tuple[tuple["Node", "Node"], ...]:
        """The members of an object, in their order."""
        return tuple(zip(self.keys, self.elements, strict=False))

    def value(self) -> JsonValue:
        """The plain value."""
        if self.kind == "object":
            return {str(name.scalar): value.value() for name, value in self.members()}
        if self.kind == "array":
            return [element.value() for element in self.elements]
        return self.scalar


def parse(text: str) -> Node:
    """Read a whole text; raises JsoncInvalid. A key that stands twice in one object is refused."""
    reader = _Reader(text)
    node = reader.value(reader.blank(0), 0)
    end = reader.blank(node.end)
    if end != len(text):
        raise reader.wrong(end, f"nothing may follow the value, but {_seen(text, end)} does")
    return node


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, counted from 1."""
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def add_member(text: str, target: Node, key: str, value: JsonValue) -> str:
    """The text with one more member at the end of an object of it."""
    return _append(text, target, lambda indent: f"{json.dumps(key, ensure_ascii=False)}: {_render(value, indent)}")


def add_element(text: str, target: Node, value: JsonValue) -> str:
    """The text with one more element at the end of an array of it."""
    return _append(text, target, lambda indent: _render(value, indent))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def wrong(self, at: int, problem: str) -> JsoncInvalid:
        return JsoncInvalid(problem, *place(self._text, at))

    def blank(self, at: int) -> int:
        """The end of the blanks and comments that begin here."""
        match = _BLANK.match(self._text, at)
        end = match.end() if match else at
        if self._text.startswith("/*", end):
            raise self.wrong(end, "this comment has no end: write */")
        return end

    def value(self, at: int, depth: int) -> Node:
        text = self._text
        if depth > DEEPEST:
            raise self.wrong(at, f"nested deeper than {DEEPEST} levels")
        if text.startswith("{", at):
            return self._object(at, depth)
        if text.startswith("[", at):
            return self._array(at, depth)
        if text.startswith('"', at):
            return self._string(at)
        if number := _NUMBER.match(text, at):
            return self._number(number)
        if (word := _WORD.match(text, at)) and word[0] in _WORDS:
            kind, scalar = _WORDS[word[0]]
            return Node(kind, at, word.end(), scalar)
        raise self.wrong(at, f"a value belongs here, not {_seen(text, at)}")

    def _number(self, found: re.Match[str]) -> Node:
        try:
            scalar = json.loads(found[0])
        except ValueError as error:
            raise self.wrong(found.start(), "this number is too long") from error
        return Node("number", found.start(), found.end(), scalar)

    def _string(self, at: int) -> Node:
        try:
            scalar, end = _DECODER.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            raise self.wrong(error.pos, error.msg.removesuffix(" at").lower()) from error
        return Node("string", at, end, scalar)

    def _object(self, start: int, depth: int) -> Node:
        keys: list[Node] = []
        values: list[Node] = []
        seen: set[object] = set()
        at, comma = self.blank(start + 1), False
        while not self._text.startswith("}", at):
            if not self._text.startswith('"', at):
                raise self.wrong(at, f"a key in double quotes or }} belongs here, not {_seen(self._text, at)}")
            key = self._string(at)
            if key.scalar in seen:
                raise self.wrong(at, f"the key {key.scalar!r} stands twice in this object")
            seen.add(key.scalar)
            at = self.blank(key.end)
            if not self._text.startswith(":", at):
                raise self.wrong(at, f"a colon belongs after the key {key.scalar!r}, not {_seen(self._text, at)}")
            value = self.value(self.blank(at + 1), depth + 1)
            keys.append(key)
            values.append(value)
            at, comma = self._separator(value.end, "}")
        return Node("object", start, at + 1, None, tuple(values), tuple(keys), comma)

    def _array(self, start: int, depth: int) -> Node:
        values: list[Node] = []
        at, comma = self.blank(start + 1), False
        while not self._text.startswith("]", at):
            values.append(self.value(at, depth + 1))
            at, comma = self._separator(values[-1].end, "]")
        return Node("array", start, at + 1, None, tuple(values), (), comma)

    def _separator(self, at: int, closing: str) -> tuple[int, bool]:
        """Pass a comma, which may also stand before the closing bracket."""
        at = self.blank(at)
        if self._text.startswith(",", at):
            return self.blank(at + 1), True
        if not self._text.startswith(closing, at):
            raise self.wrong(at, f"a comma or {closing} belongs here, not {_seen(self._text, at)}")
        return at, False


def _seen(text: str, at: int) -> str:
    return repr(text[at]) if at < len(text) else "the end"


def _append(text: str, target: Node, render: Callable[[str], str]) -> str:
    """Put one thing more before the closing bracket, after whatever comments stand there."""
    closing = target.end - 1
    newline = "\r\n" if "\r\n" in text else "\n"
    outer = _indent_at(text, target.start)
    inner = _indent_at(text, target.elements[-1].start) if _on_own_line(text, target) else outer + _unit(text)
    new = newline + inner + render(inner).replace("\n", newline)
    last_written = len(text[:closing].rstrip())
    tail = text[last_written:closing] if newline in text[last_written:closing] else newline + outer
    body = text[:last_written]
    if target.elements and not target.trailing_comma:
        end = target.elements[-1].end
        body = body[:end] + "," + body[end:]
    return body + new + tail + text[closing:]


def _on_own_line(text: str, target: Node) -> bool:
    """Whether the last thing of a list begins a line, so that its indentation is one to follow."""
    if not target.elements:
        return False
    start = (target.keys or target.elements)[-1].start
    return not text[text.rfind("\n", 0, start) + 1 : start].strip() and "\n" in text[target.start : start]


def _indent_at(text: str, at: int) -> str:
    """The blanks with which the line of an offset begins."""
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """One step of the text's own indentation; two spaces where it has none."""
    match = re.search(r"\n([ \t]+)\S", text)
    return match[1] if match else "  "


def _render(value: JsonValue, indent: str) -> str:
    unit: str | int = "\t" if indent.endswith("\t") else 2
    return json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", "\n" + indent)
