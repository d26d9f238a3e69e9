"""Known vulnerabilities of images: by trivy or grype where one is here, else by OSV on the packages read from the image."""

from devctl.scan.records import ScanFinding, ScanReport
from devctl.scan.scanning import Scanner, open_scanner

__all__ = ["ScanFinding", "ScanReport", "Scanner", "open_scanner"]
