"""Prints the OpenAPI document of a web application as JSON; stands alone.

Usage: openapi_export.py MODULE NAME. NAME is an application, an API or a function that makes one, as FastAPI,
APIFlask, flask-smorest and apispec have them. It runs on the repository's own Python, 3.8 or later.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def main() -> int:
    """Import, find the document, print it; whatever the application prints goes to the standard error."""
    out, sys.stdout = sys.stdout, sys.stderr
    sys.path.insert(0, "")
    found = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    document = described(found)
    if document is None and callable(found):
        document = described(found())
    if document is None:
        print(f"{sys.argv[1]}:{sys.argv[2]} describes no HTTP interface", file=sys.stderr)  # noqa: T201 - a program's own words
        return 1
    out.write(json.dumps(document, default=str))
    return 0


def described(found: Any) -> Any:
    """Return the document of an application, an API or a specification, or None."""
    if callable(getattr(found, "openapi", None)):  # FastAPI
        return found.openapi()
    if callable(getattr(found, "to_dict", None)):  # apispec
        return found.to_dict()
    specification: Any = getattr(found, "spec", None)
    if callable(getattr(specification, "to_dict", None)):  # flask-smorest's Api
        return specification.to_dict()
    if isinstance(specification, dict):  # APIFlask
        return specification
    for api in getattr(found, "extensions", {}).get("flask-smorest", {}).get("apis", {}).values():
        return api["ext_obj"].spec.to_dict()
    return None


if __name__ == "__main__":
    sys.exit(main())
