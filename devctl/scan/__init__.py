"""Known vulnerabilities of images: by trivy or grype where one is here, else by OSV on the packages read from the image."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devctl.scan.records import ScanFinding, ScanReport
    from devctl.scan.scanning import Scanner, open_scanner

_PLACES = {"ScanFinding": "records", "ScanReport": "records", "Scanner": "scanning", "open_scanner": "scanning"}

__all__ = ["ScanFinding", "ScanReport", "Scanner", "open_scanner"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'devctl.scan' has no attribute {name!r}")
    return getattr(importlib.import_module(f"devctl.scan.{_PLACES[name]}"), name)
