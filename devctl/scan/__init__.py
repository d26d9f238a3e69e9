"""Known vulnerabilities of images: by trivy or grype where one is here, else by OSV on the packages read from the image."""

from typing import TYPE_CHECKING

from local.lazy import loaded_when_used

if TYPE_CHECKING:
    from devctl.scan.records import ScanFinding, ScanReport
    from devctl.scan.scanning import Scanner, open_scanner

_PLACES = {"records": ("ScanFinding", "ScanReport"), "scanning": ("Scanner", "open_scanner")}

__all__ = ["ScanFinding", "ScanReport", "Scanner", "open_scanner"]

__getattr__ = loaded_when_used("devctl.scan", _PLACES)
