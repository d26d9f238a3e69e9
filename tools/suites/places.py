"""Ids of tests that are named by their place: examples in documents, `guide.rst::line:12,column:1`.

Such a name moves with every line that is added above it. So that two runs can be compared, these tests are counted
per document and outcome: `guide.rst::line (failed 2)` is the second example of the document that failed.
"""

import re
from collections import Counter
from collections.abc import Sequence

from tools.junit import TestCaseResult

_PLACE = re.compile(r"\bline[:= ]?\d+(?:,? ?column[:= ]?\d+)?")
_COUNTED = re.compile(r"\bline \((?:passed|failed|error|skipped) \d+\)")


def without_places(cases: Sequence[TestCaseResult]) -> tuple[TestCaseResult, ...]:
    """Return the results with places in names replaced by counts; the other names stay."""
    seen: Counter[tuple[str, str]] = Counter()
    named = []
    for case in cases:
        name, places = _PLACE.subn("line", case.id)
        if places:
            seen[name, case.outcome] += 1
            counted = f"line ({case.outcome} {seen[name, case.outcome]})"
            at = name.rindex("line")
            message = f"{case.id}: {case.message}" if case.message else case.id
            case = case.model_copy(update={"id": name[:at] + counted + name[at + 4 :], "message": message})
        named.append(case)
    return tuple(named)


def is_counted(name: str) -> bool:
    """Whether a name stands for one of several examples, whichever it is: it proves nothing about a change."""
    return _COUNTED.search(name) is not None
