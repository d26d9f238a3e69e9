"""Git on this host, for those who use it: the mirror and the records that it gives."""

from tools.gitobjects import ROADCREW, CommitInfo, Entry, Person
from tools.gitrun import GitSettings
from tools.merging import MergeConflict, MergeResult
from tools.mirror import Mirror
from tools.patch import ChangedFile, Diff, DiffLimits

__all__ = [
    "ROADCREW",
    "ChangedFile",
    "CommitInfo",
    "Diff",
    "DiffLimits",
    "Entry",
    "GitSettings",
    "MergeConflict",
    "MergeResult",
    "Mirror",
    "Person",
]
