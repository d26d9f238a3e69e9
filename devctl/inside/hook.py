"""What is added to every prepared Python: the project in /work comes before packages, and `pip` speaks of this one."""

NAME = "_devctl_project"

PTH = f"import {NAME}\n"

MODULE = '''"""Puts the project of this environment before the installed packages."""

import os
import sys

_SITE = os.environ.get("DEVCTL_SITE", "/opt/devctl/site")
_WORK = os.environ.get("DEVCTL_WORK", "/work")


def _folders():
    try:
        with open(os.path.join(_SITE, "paths.txt"), encoding="utf-8") as listed:
            found = [line.strip() for line in listed if line.strip()]
    except OSError:
        found = [os.path.join(_WORK, "src"), _WORK]
    return [_SITE] + [path for path in found if os.path.isdir(path)]


_first = next((i for i, path in enumerate(sys.path) if path.endswith("-packages")), len(sys.path))
sys.path[_first:_first] = [path for path in _folders() if path not in sys.path]
'''

PACKAGES_NAME = "_devctl_packages"

PIP = f"""#!/bin/sh
exec "$(dirname -- "$(readlink -f -- "$0")")/python" -m {PACKAGES_NAME} "$@"
"""
"""The program `pip`: without it the word would find another Python's, which knows nothing of what is installed here."""

PACKAGES = '''"""Says what is installed: `pip list`, `pip freeze`, `pip show NAME`."""

import sys
from importlib.metadata import PackageNotFoundError, distribution, distributions

HELP = """pip: nothing can be installed from here: there is no network, and packages come from the dependency files.
What is installed: pip list | pip freeze | pip show NAME..."""


def main(words):
    command, names = (words or [""])[0], [word for word in words[1:] if not word.startswith("-")]
    if command in ("list", "freeze"):
        found = {dist.name.lower(): dist for dist in distributions() if dist.name}
        for _, dist in sorted(found.items()):
            print(f"{dist.name}=={dist.version}")
        return 0
    if command == "show" and names:
        return max(show(name) for name in names)
    print(HELP, file=sys.stderr)
    return 1


def show(name):
    try:
        dist = distribution(name)
    except PackageNotFoundError:
        print(f"{name} is not installed", file=sys.stderr)
        return 1
    told = dist.metadata
    for key, value in (
        ("Name", dist.name), ("Version", dist.version), ("Summary", told["Summary"]),
        ("License", told["License-Expression"] or told["License"]), ("Location", dist.locate_file("")),
        ("Requires", "; ".join(dist.requires or ())),
    ):
        print(f"{key}: {value or ''}")
    return 0


sys.exit(main(sys.argv[1:]))
'''
