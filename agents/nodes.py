"""Nodes of a flow: methods of a class that is made anew for each step, acting for one thread under its lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph.runtime import Runtime

from agents.crew import ThreadContext


def node(acting: Callable[[ThreadContext], Any], name: str) -> Any:
    """Return a node, or a choice after one, that calls the method of this name on what acts for the thread."""

    def step(state: Any, runtime: Runtime[ThreadContext]) -> Any:
        return getattr(acting(runtime.context), name)(state)

    step.__name__ = name
    return step
