"""Changes to how tests are run, which could hide what they find: settings of runners, hooks, modules in the way.

Test files of the base are put back before the suite is run; these are the other ways to make it say what one likes. They
count where the base has a suite, and not for what the plan lets change.
"""

from __future__ import annotations

import configparser
import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath

from pydantic import JsonValue

from tools.mirror import Mirror
from tools.testpaths import matches

OWN_FILE = re.compile(
    r"\.?pytest\.(ini|toml)|(jest|vitest|ava|karma|playwright)\.config\.[cm]?[jt]s(on)?|\.mocharc\.\w+|\.taprc"
)
HOOK = re.compile(r"conftest\.py|(site|user)customize\.py|.*\.pth")
"""Files that Python or pytest runs by themselves, before and around all tests."""
RUNNERS = frozenset({"pytest", "_pytest", "pluggy", "iniconfig", "xdist", "nose2", "tox"})
"""Modules of runners; one of the same name at the root of the repository is run in their place."""

Settings = JsonValue


def changed_settings(mirror: Mirror, base: str, commit: str, may_change: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a change does to how tests are run, each in a line that says what to do."""
    wrong = []
    for file in mirror.changed_files(base, commit):
        path, name = file.path, PurePosixPath(file.path).name
        if matches(path, may_change):
            continue
        read = READERS.get(name)
        if OWN_FILE.fullmatch(name) and file.status != "modified":
            wrong.append(f"{path} decides how tests are run: take it back, the plan does not let it change")
        elif read is not None and _read(mirror, base, path, read) != _read(mirror, commit, path, read):
            wrong.append(f"{path} changes how tests are run: take that part back, the plan does not let it change")
        elif file.status == "added" and _stands_in_the_way(path):
            wrong.append(f"{path} stands in the way of a module that the test runner imports: give it another name")
    return tuple(wrong)


def without_hooks(mirror: Mirror, base: str, commit: str, may_change: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return a tree like that of `commit` without the hooks that it adds, and the paths of these."""
    added = [
        file.path
        for file in mirror.changed_files(base, commit)
        if file.status == "added"
        and HOOK.fullmatch(PurePosixPath(file.path).name)
        and not matches(file.path, may_change)
    ]
    return mirror.graft(commit, base, added), tuple(added)


def _stands_in_the_way(path: str) -> bool:
    first, _, rest = path.partition("/")
    name = first.removesuffix(".py") if not rest else first if rest == "__init__.py" else ""
    return path.endswith(".py") and name != "test" and (name in sys.stdlib_module_names or name in RUNNERS)


def _read(mirror: Mirror, commit: str, path: str, read: Callable[[str], Settings]) -> Settings:
    content = mirror.read_many(commit, [path]).get(path)
    try:
        return read(content.decode("utf-8")) if content is not None else None
    except (ValueError, configparser.Error, RecursionError):
        return "unreadable"


def _pyproject(text: str) -> Settings:
    document = tomllib.loads(text)
    places = (("tool", "pytest"), ("tool", "tox"), ("project", "entry-points", "pytest11"))
    found = {place: _at(document, place) for place in places}
    return json.dumps([found[place] for place in places], default=str) if any(found.values()) else None


def _at(document: object, place: tuple[str, ...]) -> object:
    for name in place:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _ini(*sections: str) -> Callable[[str], Settings]:
    def read(text: str) -> Settings:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
        found = {
            name: dict(parser[name]) for name in parser.sections() if name.split(":")[0] in sections or name in sections
        }
        return json.dumps(found) if found else None

    return read


def _package_json(text: str) -> Settings:
    package = json.loads(text)
    scripts = package.get("scripts", {}) if isinstance(package, dict) else {}
    if not isinstance(scripts, dict):
        return None
    found = {name: line for name, line in scripts.items() if re.fullmatch(r"(pre|post)?test(:.*)?", name)}
    found |= {name: package[name] for name in ("jest", "mocha", "ava", "vitest", "tap") if name in package}
    return json.dumps(found, sort_keys=True) if found else None


def _makefile(text: str) -> Settings:
    found = re.findall(r"^(?:tests?|check)\s*:(?!=).*(?:\n\t.*)*", text, re.MULTILINE)
    return "\n".join(found) or None


READERS: dict[str, Callable[[str], Settings]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _ini("tool:pytest", "tox", "options.entry_points"),
    "tox.ini": _ini("pytest", "tox", "testenv"),
    "package.json": _package_json,
    "Makefile": _makefile,
}
"""What of a file that also says other things is about tests."""
