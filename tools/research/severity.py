"""How grave an advisory is, by CVSS."""

from __future__ import annotations

from pydantic import JsonValue

from tools.research.values import array, table, text

BANDS = {"LOW": 0.1, "MODERATE": 4.0, "MEDIUM": 4.0, "HIGH": 7.0, "CRITICAL": 9.0}
"""The least score of each word in which a database rates an advisory without a vector (CVSS's own bands)."""


def score_of(advisory: dict[str, JsonValue]) -> float | None:
    """Return the highest CVSS base score in an OSV record; None where nothing in it says how grave it is.

    A record without a usable vector is taken at the bottom of the band that its database names.
    """
    affected = [table(entry) for entry in array(advisory.get("affected"))]
    vectors = [*array(advisory.get("severity")), *(one for entry in affected for one in array(entry.get("severity")))]
    scores = [score for one in vectors if (score := _base_score(text(table(one).get("score")))) is not None]
    if scores:
        return max(scores)
    words = [table(part.get(key)).get("severity") for part in (advisory, *affected)
             for key in ("database_specific", "ecosystem_specific")]  # fmt: skip
    return max((BANDS[text(word).upper()] for word in words if text(word).upper() in BANDS), default=None)


def _base_score(vector: str) -> float | None:
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    if len(vector) > 400:
        return None
    kind = CVSS4 if vector.startswith("CVSS:4") else CVSS3 if vector.startswith("CVSS:3") else CVSS2
    try:
        return float(kind(vector).base_score)
    except (CVSSError, ArithmeticError, TypeError, ValueError, KeyError):
        return None
