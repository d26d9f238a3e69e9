"""The wiring of the team: one LangGraph thread per feature and per task.

A flow is wired once in a process. What differs between threads is given to each run: the thread's context, and the
checkpointer that writes under its lease.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from agents.feature_flow import wire_feature_flow
from agents.task_flow import wire_task_flow
from agents.threads import ThreadKind


def flow_of(kind: ThreadKind, saver: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the flow of a kind of thread with this checkpointer; its runs take a `ThreadContext` as `context`."""
    flow = copy.copy(_wired(kind))
    flow.checkpointer = saver
    return flow


@cache
def _wired(kind: ThreadKind) -> CompiledStateGraph[Any, Any, Any, Any]:
    return (wire_feature_flow() if kind == "feature" else wire_task_flow()).compile()
