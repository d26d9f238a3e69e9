"""The code host: GitHub, GHES or the local forge, for one repository, through PyGithub.

The one adapter for it, and the only importer of PyGithub. All calls return records; all errors are
CodeHostErrors; what makes or changes something looks for its own trace first, so that it can be called again.
"""

from tools.codehost.checks import CheckCalls
from tools.codehost.issues import IssueCalls
from tools.codehost.pulls import PullRequestCalls
from tools.codehost.records import (
    CheckState,
    CodeHostSettings,
    Comment,
    CommitStatus,
    Issue,
    LabelledIssues,
    MergeMethod,
    Permission,
    Protection,
    PullRequest,
    PullRequestFile,
    RepositoryInfo,
    ReviewComment,
    ReviewRecord,
)
from tools.codehost.repository import RepositoryCalls
from tools.errors import (
    CodeHostConflict,
    CodeHostError,
    CodeHostInvalid,
    CodeHostNotFound,
    CodeHostRefused,
    CodeHostUnavailable,
)

__all__ = [
    "CheckState",
    "CodeHost",
    "CodeHostConflict",
    "CodeHostError",
    "CodeHostInvalid",
    "CodeHostNotFound",
    "CodeHostRefused",
    "CodeHostSettings",
    "CodeHostUnavailable",
    "Comment",
    "CommitStatus",
    "Issue",
    "LabelledIssues",
    "MergeMethod",
    "Permission",
    "Protection",
    "PullRequest",
    "PullRequestFile",
    "RepositoryInfo",
    "ReviewComment",
    "ReviewRecord",
]


class CodeHost(RepositoryCalls, IssueCalls, PullRequestCalls, CheckCalls):
    """One repository on a code host; may be used by several threads, whose calls run one after another."""
