"""What of a repository's files says how tests are run: read on base and work, so that the two can be compared."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath

from pydantic import JsonValue

Settings = JsonValue
Reader = Callable[[str], Settings]

ASSERTIONS = re.compile(r"testify|gomega|ginkgo|go-cmp|gotest\.tools|quicktest|gocheck|/is\b|mock")
"""Go modules whose functions decide whether a test fails."""
_MAKE_RULE = re.compile(r"^(?P<names>[^\s:#=][^:#=\n]*?)\s*::?(?!=)(?P<rest>.*(?:\n\t.*)*)", re.MULTILINE)
_MAKE_VARIABLE = re.compile(
    r"^(?:export\s+|override\s+)*(?P<name>[.\w]+)\s*(?:[:?+!]{0,3}=)(?P<value>.*)", re.MULTILINE
)
_MAKE_ALWAYS = frozenset({"SHELL", ".SHELLFLAGS", "MAKEFLAGS", "GNUMAKEFLAGS", "PATH", "MAKE"})
_MAKE_FIRST = frozenset({"test", "tests", "check"})


def reader_of(path: str) -> Reader | None:
    """Return how what a file says about tests is read; None for a file that says nothing about them."""
    pure = PurePosixPath(path)
    if pure.parent.name == ".cargo" and pure.name in {"config", "config.toml"}:
        return _cargo_config
    if re.fullmatch(r"vite\.config\.[cm]?[jt]s", pure.name):
        return _section_of_tests
    return _READERS.get(pure.name)


def read(reader: Reader, content: bytes | None) -> Settings:
    """Return what a file says about tests; None for a file that is not there, a word for one that cannot be read."""
    try:
        return reader(content.decode("utf-8")) if content is not None else None
    except (ValueError, configparser.Error, RecursionError):
        return "unreadable"


def own_harness(text: str) -> bool:
    """Whether a Cargo.toml has tests whose results are whatever they print themselves."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    tests = document.get("test")
    sections = [document.get("lib"), *(tests if isinstance(tests, list) else ())]
    return any(isinstance(section, dict) and section.get("harness") is False for section in sections)


def _pyproject(text: str) -> Settings:
    document = tomllib.loads(text)
    places = (
        ("tool", "pytest"),
        ("tool", "tox"),
        ("project", "entry-points", "pytest11"),
        ("tool", "poetry", "plugins"),
    )
    found = {place: _at(document, place) for place in places}
    return json.dumps([found[place] for place in places], default=str) if any(found.values()) else None


def _at(document: object, place: tuple[str, ...]) -> object:
    for name in place:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _ini(*sections: str) -> Reader:
    def read_sections(text: str) -> Settings:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
        found = {
            name: dict(parser[name]) for name in parser.sections() if name.split(":")[0] in sections or name in sections
        }
        return json.dumps(found) if found else None

    return read_sections


def _setup_py(text: str) -> Settings:
    return re.findall(r".*\b(?:pytest11|test_suite|cmdclass)\b.*", text) or None


def _package_json(text: str) -> Settings:
    package = json.loads(text)
    scripts = package.get("scripts", {}) if isinstance(package, dict) else {}
    if not isinstance(scripts, dict):
        return None
    found = {name: line for name, line in scripts.items() if re.fullmatch(r"(pre|post)?test(:.*)?", name)}
    while more := {name: line for name, line in scripts.items() if name not in found and _is_called(name, found)}:
        found |= more
    found |= {name: package[name] for name in ("jest", "mocha", "ava", "vitest", "tap") if name in package}
    return json.dumps(found, sort_keys=True) if found else None


def _is_called(name: str, scripts: dict[str, object]) -> bool:
    """Whether a script, or the one that it runs before or after, is named in others."""
    plain = re.escape(re.sub(r"^(pre|post)", "", name))
    return any(
        re.search(rf"(?<![\w:.-])({plain}|{re.escape(name)})(?![\w:.-])", str(line)) for line in scripts.values()
    )


def _npmrc(text: str) -> Settings:
    return (
        re.findall(
            r"^\s*(?:script-shell|node-options|shell|prefix|scripts-prepend-node-path)\s*=.*", text, re.MULTILINE
        )
        or None
    )


def _yarnrc(text: str) -> Settings:
    return (
        re.findall(
            r"^\s*(?:yarn-?[pP]ath|plugins|initScope|nodeOptions|script-shell).*(?:\n[ -].*)*", text, re.MULTILINE
        )
        or None
    )


def _bunfig(text: str) -> Settings:
    document = tomllib.loads(text)
    found = {name: document[name] for name in ("test", "preload", "run") if name in document}
    return json.dumps(found, default=str, sort_keys=True) if found else None


def _section_of_tests(text: str) -> Settings:
    """The value of `test:` in a script, to its closing brace."""
    found = re.search(r"\btest\s*:\s*\{", text)
    if found is None:
        return None
    depth = 0
    for at in range(found.end() - 1, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[found.start() : at + 1]
    return text[found.start() :]


def _makefile(text: str) -> Settings:
    """The rules of the test targets, with what they need and the variables that they name."""
    text = text.replace("\\\n", " ")
    rules = [(match["names"].split(), match["rest"]) for match in _MAKE_RULE.finditer(text)]
    variables = [(match["name"], match["value"]) for match in _MAKE_VARIABLE.finditer(text)]
    found: list[str] = []
    wanted, seen = set(_MAKE_FIRST), set[str]()
    while wanted:
        seen |= wanted
        texts = [f"{name}:{rest}" for names, rest in rules for name in names if name in wanted]
        texts += [f"{name}={value}" for name, value in variables if name in wanted]
        found += texts
        wanted = set(re.findall(r"[\w./-]+", "\n".join(texts))) - seen
    if not found:
        return None
    found += [f"{name}={value}" for name, value in variables if name in _MAKE_ALWAYS]
    found += re.findall(r"^(?:-|s)?include\b.*|^\.(?:ONESHELL|IGNORE|SILENT|DEFAULT)\b.*", text, re.MULTILINE)
    return "\n".join(found)


def _cargo_toml(text: str) -> Settings:
    """Sections of tests, whether targets are tested at all, and profiles and patches of what the tests link."""
    document = tomllib.loads(text)
    targets = {
        kind: [
            _about_tests(section) for section in (document.get(kind) if kind != "lib" else [document.get(kind)]) or ()
        ]
        for kind in ("lib", "bin", "test", "bench", "example")
    }
    told = {kind: [about for about in found if about] for kind, found in targets.items()}
    package = document.get("package")
    auto = {key: package[key] for key in ("autotests", "metabuild") if isinstance(package, dict) and key in package}
    if not any(told.values()) and not auto:
        return None
    return json.dumps([told, auto], default=str, sort_keys=True)


def _about_tests(section: object) -> dict[str, object]:
    if not isinstance(section, dict):
        return {}
    decisive = {key: section[key] for key in ("harness", "test", "doctest", "required-features") if key in section}
    return {"name": section.get("name"), "path": section.get("path"), **decisive} if decisive else {}


def _cargo_config(text: str) -> Settings:
    document = tomllib.loads(text)
    found = {
        name: document[name] for name in ("target", "build", "env", "alias", "unstable", "source") if name in document
    }
    return json.dumps(found, default=str, sort_keys=True) if found else None


def _toolchain(text: str) -> Settings:
    return re.findall(r"^\s*path\s*=.*", text, re.MULTILINE) or None


def _go_mod(text: str) -> Settings:
    """Modules of assertions that others stand in for."""
    lines = [line.strip() for line in re.findall(r".+=>.+", text)]
    return [line for line in lines if ASSERTIONS.search(line.partition("=>")[0])] or None


def _pom(text: str) -> Settings:
    """The plugins and properties that decide whether and which tests are run, without blanks between tags."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    plugins = re.findall(r"<plugin>(?:(?!</plugin>).)*?</plugin>", text, re.DOTALL)
    found = [plugin for plugin in plugins if re.search(r"surefire|failsafe|antrun|exec-maven|gmaven|groovy", plugin)]
    outside = re.sub(r"<plugin>.*?</plugin>", "", text, flags=re.DOTALL)
    found += re.findall(
        r"<(?:skip\w*|maven\.test\.[\w.]*|surefire\.[\w.]*|failsafe\.[\w.]*|test|it\.test|groups|excludedGroups|argLine"
        r"|testSourceDirectory|testFailureIgnore|junit\.jupiter\.[\w.]*)>[^<]*<",
        outside,
    )
    return [re.sub(r"\s+", " ", one) for one in found] or None


def _gradle(text: str) -> Settings:
    """Lines that speak of tests, with the block that one of them opens."""
    found, depth = [], 0
    for line in text.splitlines():
        if depth or re.search(
            r"(?<![\w-])(?:test|check)(?![\w-])|\bTest\b|\bonlyIf\b|\bignoreFailures\b|\benabled\b|\bexcludeTask", line
        ):
            if not re.search(r"\b(?:test\w*(?:Implementation|RuntimeOnly|CompileOnly))\b", line):
                found.append(line.strip())
            depth = max(0, depth + line.count("{") - line.count("}"))
    return [line for line in found if line] or None


def _gradle_properties(text: str) -> Settings:
    return re.findall(r"^\s*(?:systemProp\.|org\.gradle\.(?:jvmargs|java)|.*[tT]est).*", text, re.MULTILINE) or None


_READERS: dict[str, Reader] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _ini("tool:pytest", "tox", "options.entry_points"),
    "setup.py": _setup_py,
    "tox.ini": _ini("pytest", "tox", "testenv"),
    "package.json": _package_json,
    ".npmrc": _npmrc,
    ".yarnrc.yml": _yarnrc,
    ".yarnrc": _yarnrc,
    "bunfig.toml": _bunfig,
    "Makefile": _makefile,
    "makefile": _makefile,
    "GNUmakefile": _makefile,
    "Cargo.toml": _cargo_toml,
    "rust-toolchain.toml": _toolchain,
    "rust-toolchain": _toolchain,
    "go.mod": _go_mod,
    "go.work": _go_mod,
    "pom.xml": _pom,
    "build.gradle": _gradle,
    "build.gradle.kts": _gradle,
    "settings.gradle": _gradle,
    "settings.gradle.kts": _gradle,
    "gradle.properties": _gradle_properties,
}
"""What of a file that also says other things is about tests."""
