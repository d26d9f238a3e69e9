"""Write docs/devctl-openapi.json, the OpenAPI document of devctl's service."""

import json
import sys

from devctl.serve.app import document
from scripts.source import ROOT


def main() -> int:
    """Write the file."""
    text = json.dumps(document(), indent=1, sort_keys=True) + "\n"
    (ROOT / "docs" / "devctl-openapi.json").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
