"""Documentation: what a change needs of it, and whether it is there, right and whole."""

from tools.docs.check import DocumentationChange
from tools.docs.comments_only import docstrings_only
from tools.docs.kept import KeptRuns
from tools.docs.meeting import Meeting
from tools.docs.needs import Brief, PlannedDocument, documentation_brief
from tools.docs.records import DocFinding, DocReport, DocumentationNeed, PublicChange, PublicItem

__all__ = [
    "Brief",
    "DocFinding",
    "DocReport",
    "DocumentationChange",
    "DocumentationNeed",
    "KeptRuns",
    "Meeting",
    "PlannedDocument",
    "PublicChange",
    "PublicItem",
    "docstrings_only",
    "documentation_brief",
]
