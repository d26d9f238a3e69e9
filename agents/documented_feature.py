"""What a documentation task's Reviewer is shown of the feature that is documented, so that truth can be judged."""

from __future__ import annotations

from agents import documentation
from agents.crew import TurnContext
from agents.handover import Handover
from agents.threads import Record
from specs.speckit import FOLDER
from tools.docs.documents import is_document
from tools.mirror import Mirror
from tools.patch import DiffLimits

CODE_LIMIT = DiffLimits(characters=40_000, file_characters=15_000)


class DocumentedFeature(Record):
    """The feature behind a documentation task."""

    changes: str
    """What it made public, one line each, told from its code."""
    code: str
    """The diff of its code and tests, from the feature's base to where the documentation began; cut where it is long."""


def documented_feature(context: TurnContext, mirror: Mirror, work: Handover) -> DocumentedFeature:
    """Return the feature as it stood when its documentation was begun."""
    base = documentation.feature_base(context, work.base)
    brief = documentation.brief(context, mirror, work.base)
    changed = [file.path for file in mirror.changed_files(base, work.base)]
    code = [path for path in changed if not is_document(path) and not path.startswith(f"{FOLDER}/")]
    return DocumentedFeature(
        changes=documentation.change_lines(brief),
        code=mirror.diff(base, work.base, CODE_LIMIT, code) if code else "",
    )
