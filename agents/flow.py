"""The wiring of the team: one LangGraph thread per feature and per task."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from agents.crew import ThreadContext
from agents.feature_flow import FeatureFlow
from agents.task_flow import TaskFlow


def compile_flow(context: ThreadContext, saver: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the flow of this thread's kind, ready to run."""
    flow = FeatureFlow(context) if context.state.kind == "feature" else TaskFlow(context)
    return flow.build().compile(checkpointer=saver)
