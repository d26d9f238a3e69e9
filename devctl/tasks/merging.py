"""Putting values into JSON with comments that a person wrote: nothing of theirs is changed, and twice is once."""

from collections.abc import Sequence

from pydantic import JsonValue

from devctl import jsonc
from devctl.records import Record


class Merged(Record):
    """A text with something put in, and what could not be."""

    text: str
    conflicts: tuple[str, ...] = ()


def merge(text: str, value: dict[str, JsonValue], where: Sequence[str] = ()) -> Merged:
    """Fill an object of a text: missing members are added, lists grow by what they lack, objects are filled in turn.

    A member that is there with another value stays, and is a conflict. Raises JsoncInvalid.
    """
    conflicts: list[str] = []
    for key, wanted in value.items():
        target = _at(text, where)
        found = target.get(key)
        place = ".".join((*where, key))
        if found is None:
            text = jsonc.add_member(text, target, key, wanted)
        elif isinstance(wanted, dict) and found.kind == "object":
            inner = merge(text, wanted, (*where, key))
            text, conflicts = inner.text, [*conflicts, *inner.conflicts]
        elif isinstance(wanted, list) and found.kind == "array":
            for item in wanted:
                now = _at(text, (*where, key))
                if item not in [element.value() for element in now.elements]:
                    text = jsonc.add_element(text, now, item)
        elif found.value() != wanted:
            conflicts.append(f"{place} is {found.value()!r} already, and would be {wanted!r}")
    return Merged(text=text, conflicts=tuple(conflicts))


def add_labelled(text: str, list_key: str, value: dict[str, JsonValue]) -> Merged:
    """Add an object to a list of objects that are known by their label; one of the same label stays as it is."""
    root = jsonc.parse(text)
    found = root.get(list_key)
    if found is None:
        return Merged(text=jsonc.add_member(text, root, list_key, [value]))
    if found.kind != "array":
        return Merged(text=text, conflicts=(f"{list_key} is no list",))
    for element in found.elements:
        label = element.get("label") or element.get("taskName")
        if label is not None and label.scalar == value["label"]:
            same = element.value() == value
            words = f"a task called {value['label']!r} is there already and is another: rename one of them"
            return Merged(text=text, conflicts=() if same else (words,))
    return Merged(text=jsonc.add_element(text, found, value))


def _at(text: str, where: Sequence[str]) -> jsonc.Node:
    node = jsonc.parse(text)
    for key in where:
        inner = node.get(key)
        if inner is None:
            raise KeyError(key)
        node = inner
    return node
