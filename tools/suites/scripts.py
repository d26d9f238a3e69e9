"""The scripts of a package.json: which runner one calls in the end, and how arguments reach it."""

import json
from collections.abc import Mapping

from tools.suites.callwords import Call, last_call

_DEPTH = 4
_NO_TEST = "no test specified"


def read_scripts(content: bytes) -> dict[str, str]:
    """The scripts of a package.json; none of a file that cannot be read, and not npm's placeholder of a test."""
    package = read_package(content)
    scripts = package.get("scripts")
    found = scripts.items() if isinstance(scripts, dict) else ()
    return {name: text for name, text in found if isinstance(text, str) and text.strip() and _NO_TEST not in text}


def read_package(content: bytes) -> dict[str, object]:
    """A package.json as it stands; empty when it is none."""
    try:
        package = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return package if isinstance(package, dict) else {}


def script_call(call: Call, scripts: Mapping[str, str], depth: int = _DEPTH) -> tuple[Call, str] | None:
    """The call that a script such as `npm test` comes down to, and what stands before arguments on the way.

    None for a call of no known script. npm keeps arguments that do not stand after `--`; pnpm and yarn pass all.
    """
    name = _script_name(call.words)
    if name is None or name not in scripts or not depth:
        return None
    inner = last_call(scripts[name])
    if inner is None or inner.folder:
        return Call(words=("sh",), folder=call.folder), ""
    dashes = "--" if call.words[0] == "npm" and "--" not in call.words else ""
    if deeper := script_call(inner, scripts, depth - 1):
        return deeper[0], f"{dashes} {deeper[1]}".strip()
    return inner, dashes


def _script_name(words: tuple[str, ...]) -> str | None:
    match words:
        case ["npm" | "pnpm" | "yarn", "test" | "t", *_]:
            return "test"
        case ["npm" | "pnpm" | "yarn", "run" | "run-script", name, *_]:
            return name
        case ["pnpm" | "yarn", name, *_]:
            return name
        case _:
            return None
