"""What is added to every prepared Python, so that the project in /work comes before packages."""

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
