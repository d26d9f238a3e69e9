"""What the embedded servers take over from the environment of whoever starts them."""

from __future__ import annotations

import os
from pathlib import Path

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
INHERITED_PREFIX = "COVERAGE_"
"""So that a coverage run sees the servers too."""


def server_environment() -> dict[str, str]:
    """Return the environment of supervisors and servers: no keys and tokens of the person who starts them."""
    found = {
        name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(INHERITED_PREFIX)
    }
    return found | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
