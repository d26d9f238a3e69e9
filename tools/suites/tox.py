"""tox.ini: which commands tox would run, with which packages.

tox itself makes an environment of its own and installs into it, for which there is no network. What it would run
there runs in the prepared environment instead.
"""

import configparser
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping

from packaging.requirements import InvalidRequirement, Requirement

from tools.record import Record
from tools.suites.callwords import plain_words

_FACTOR = re.compile(r"[A-Za-z0-9_.,{}!\- ]+:\s+")
_POSARGS = re.compile(r"\{posargs(?::([^{}]*))?\}|\[\]")
_PLACES: Mapping[str, str] = {
    "{envpython}": "python", "{toxinidir}": ".", "{tox_root}": ".", "{:}": ":", "{/}": "/",
    "{env_name}": "py", "{envname}": "py",
}  # fmt: skip
_OPTIONS = re.compile(r"^-[a-z]\s*|^--[a-z-]+=?\s*")


class ToxTests(Record):
    """The tests as tox would run them."""

    text: str
    packages: tuple[str, ...] = ()


def tox_tests(files: Mapping[str, bytes], read: Callable[[str], bytes | None]) -> ToxTests | None:
    """What tox runs by default, told from `tox.ini`, `pyproject.toml` or `setup.cfg`; None when that is unclear.

    `read` gives a requirements file that the settings name. Settings for single factors are left out.
    """
    section = _section(files)
    if section is None:
        return None
    commands = [_command(line) for line in section["commands"]]
    if not commands or any(command is None for command in commands):
        return None
    texts = [command for command in commands if command]
    tests = [text for text in texts if _runs_tests(text)]
    packages: list[str] = []
    for line in section["deps"]:
        packages += _packages(line, read)
    return ToxTests(text=tests[0] if len(tests) == 1 else " && ".join(texts), packages=tuple(dict.fromkeys(packages)))


def _section(files: Mapping[str, bytes]) -> dict[str, list[str]] | None:
    if "tox.ini" in files:
        return _from_ini(files["tox.ini"].decode("utf-8", "replace"), "testenv")
    try:
        tools = tomllib.loads(files.get("pyproject.toml", b"").decode()).get("tool", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    tox = tools.get("tox") if isinstance(tools, dict) else None
    if isinstance(tox, dict):
        legacy = tox.get("legacy_tox_ini")
        return _from_ini(legacy, "testenv") if isinstance(legacy, str) else _from_toml(tox.get("env_run_base"))
    return None


def _from_ini(text: str, name: str) -> dict[str, list[str]] | None:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    if not parser.has_section(name):
        return None
    lines = {key: parser.get(name, key, fallback="").replace("\\\n", " ").splitlines() for key in ("commands", "deps")}
    return {key: [line.strip() for line in found if line.strip()] for key, found in lines.items()}


def _from_toml(section: object) -> dict[str, list[str]] | None:
    if not isinstance(section, dict):
        return None
    commands, deps = section.get("commands", []), section.get("deps", [])
    plain = isinstance(commands, list) and all(
        isinstance(command, list) and all(isinstance(word, str) for word in command) for command in commands
    )
    if not plain or not isinstance(deps, list):
        return None
    return {
        "commands": [" ".join(word if "{" in word else shlex.quote(word) for word in command) for command in commands],
        "deps": [dep for dep in deps if isinstance(dep, str)],
    }


def _command(line: str) -> str | None:
    """A command with what tox fills in; "" for one of a single factor, None for one that cannot be told."""
    if _FACTOR.match(line):
        return ""
    line = _POSARGS.sub(lambda match: match[1] or "", line)
    for mark, value in _PLACES.items():
        line = line.replace(mark, value)
    return None if "{" in line else line.removeprefix("- ").strip()


def _runs_tests(text: str) -> bool:
    try:
        return plain_words(shlex.split(text))[:1] in {("pytest",), ("py.test",), ("unittest",)}
    except ValueError:
        return False


def _packages(line: str, read: Callable[[str], bytes | None], depth: int = 3) -> list[str]:
    """The requirements that a line of `deps` names, those of a requirements file among them."""
    if _FACTOR.match(line) or not depth:
        return []
    if line.startswith(("-r", "--requirement")):
        path = _OPTIONS.sub("", line).replace("{toxinidir}/", "").replace("{tox_root}/", "")
        content = (read(path) or b"").decode("utf-8", "replace")
        lines = [inner.partition(" #")[0].strip() for inner in content.splitlines()]
        return [name for inner in lines if inner for name in _packages(inner, read, depth - 1)]
    try:
        return [str(Requirement(line))] if not Requirement(line).url else []
    except InvalidRequirement:
        return []
