"""The errors of the roadmap.

* GraphError             message and hint
  + GraphUnavailable     the server does not answer; trying later can help
  + GraphRefused         the credentials are wrong, or do not allow this
  + QueryInvalid         a person's Cypher is wrong
  + KeyTaken             a node or relationship with this unique key is there already
  + StaleEpoch           a newer holder writes for this thread; nothing was written
  + IllegalTransition    the status cannot be reached from the present one
  + CycleRefused         the dependencies would go round
  + NotInRoadmap         there is no such feature, task or run
"""

from __future__ import annotations


class GraphError(Exception):
    """Base of the errors of this package."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class GraphUnavailable(GraphError):
    """The server does not answer."""


class GraphRefused(GraphError):
    """The credentials are wrong, or do not allow this."""


class QueryInvalid(GraphError):
    """A person's Cypher is wrong."""


class KeyTaken(GraphError):
    """A node or relationship with this unique key is there already."""


class StaleEpoch(GraphError):
    """A newer holder writes for this thread."""


class IllegalTransition(GraphError):
    """The status cannot be reached from the present one."""


class CycleRefused(GraphError):
    """The dependencies would go round."""


class NotInRoadmap(GraphError, LookupError):
    """There is no such node."""
