"""Poetry's own way of declaring dependencies, put into the words of PEP 508."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TEST_GROUPS = ("dev", "test", "tests", "testing")


def poetry_requirements(poetry: Mapping[str, Any]) -> Iterator[str]:
    """The requirements of `[tool.poetry]`, with the groups for development and tests."""
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    groups = poetry.get("group", {})
    tables += [groups[name].get("dependencies", {}) for name in groups if name in _TEST_GROUPS]
    for table in tables:
        for name, wanted in table.items():
            if name.lower() != "python":
                yield from _requirement(name, wanted)


def _requirement(name: str, wanted: Any) -> Iterator[str]:
    if isinstance(wanted, list):
        for one in wanted:
            yield from _requirement(name, one)
        return
    details = wanted if isinstance(wanted, dict) else {"version": wanted}
    if "path" in details or details.get("optional"):
        return
    extras = f"[{','.join(details['extras'])}]" if details.get("extras") else ""
    marker = f" ; {details['markers']}" if details.get("markers") else ""
    if "git" in details:
        reference = details.get("rev") or details.get("tag") or details.get("branch")
        yield f"{name}{extras} @ git+{details['git']}{'@' + reference if reference else ''}{marker}"
    else:
        yield f"{name}{extras}{version_range(str(details.get('version', '*')))}{marker}"


def version_range(text: str) -> str:
    """Put Poetry's caret and tilde ranges into comparisons: `^1.2` is `>=1.2,<2`."""
    parts = [_one_range(part.strip()) for part in text.split(",")]
    return ",".join(part for part in parts if part)


def _one_range(text: str) -> str:
    if text in ("*", ""):
        return ""
    found = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)(.*)", text)
    if found is None:
        return f"=={text}" if text[0].isdigit() else text
    numbers = [int(number) for number in found[2].split(".")]
    if found[1] == "~":
        place = min(1, len(numbers) - 1)
    else:
        place = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
    upper = [*numbers[:place], numbers[place] + 1]
    return f">={found[2]}{found[3]},<{'.'.join(map(str, upper))}"
