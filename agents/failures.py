"""Telling people: a failure in words, on the issue and in the roadmap."""

from __future__ import annotations

import logging

from agents.chronicle import record_feature, record_turns
from agents.crew import Crew, ThreadContext
from agents.errors import JournalBroken, StateUnavailable, TurnFailed
from agents.feature_files import FeatureFiles
from agents.ids import feature_key, key_of, marker
from agents.threads import Failure, Lease, ThreadState
from devctl import SandboxUnavailable
from graph import GraphUnavailable, IllegalTransition
from specs import quiet
from tools.errors import (
    ArtifactsUnavailable,
    CodeHostError,
    CodeHostUnavailable,
    DiskFull,
    ModelUnavailable,
    RemoteUnavailable,
    StructuredReplyInvalid,
    WorkTreeLost,
)

logger = logging.getLogger(__name__)

AWAY = (
    ModelUnavailable,
    CodeHostUnavailable,
    RemoteUnavailable,
    WorkTreeLost,
    ArtifactsUnavailable,
    DiskFull,
    GraphUnavailable,
    StateUnavailable,
    SandboxUnavailable,
)
"""Errors of edges that are away: the job is tried again by itself before a person is asked."""
AFRESH = (TurnFailed, StructuredReplyInvalid, JournalBroken)
"""Errors that the journal itself leads to: a retry begins with a fresh one. After any other it goes on."""


def failure_of(fault: Exception, where: str) -> Failure:
    """Return an error as people should read it."""
    message = str(getattr(fault, "message", "") or str(fault) or type(fault).__name__)
    hint = str(getattr(fault, "hint", ""))
    return Failure(message=message[:4000], hint=hint[:1000], where=where, resumable=not isinstance(fault, AFRESH))


def defect(fault: Exception, where: str) -> Failure:
    """Return an error that nobody foresaw in words for people; its traceback is in the log."""
    message = f"an unforeseen fault of Roadcrew: {type(fault).__name__}: {str(fault)[:500]}"
    return Failure(message=message, hint="please report it with the lines of the log; a retry may help", where=where)


def report(crew: Crew, state: ThreadState, lease: Lease, failure: Failure) -> None:
    """Say on the issue what stands still and what to do, in one comment that is edited in place."""
    key = feature_key(state.issue)
    of = "" if state.kind == "feature" else f" ({key_of(state.id)})"
    lines = [
        f"**{key}{of} stands still.** The {failure.where} could not go on:",
        "",
        *(f"> {line}" for line in quiet(failure.message).splitlines()),
        "",
    ]
    if failure.hint:
        lines += [f"What to do: {quiet(failure.hint)}", ""]
    lines.append(f"Then comment `/roadcrew retry` here or run `roadcrew retry {key}`: it goes on from where it stood.")
    context = ThreadContext(crew=crew, state=state, lease=lease)
    try:
        context.desk.host.upsert_comment(state.issue, marker("failure", key_of(state.id)), "\n".join(lines))
    except CodeHostError as fault:
        logger.warning("issue %d of %s cannot be told: %s", state.issue, state.repository, fault)


def report_cancelled(crew: Crew, state: ThreadState, lease: Lease) -> None:
    """Record in the roadmap and on the issue that a person stopped this; raises where one of them is away."""
    context = ThreadContext(crew=crew, state=state, lease=lease)
    change = context.change("stopped by a person")
    try:
        if state.kind == "task":
            record_turns(context)
            crew.roadmap.move_task(state.id, "cancelled", change)
            return
        record_feature(context)
        crew.roadmap.move_feature(state.id, "cancelled", change)
        FeatureFiles(context).spent()
    except IllegalTransition as fault:
        logger.info("%s keeps its status: %s", state.id, fault)
    except LookupError:
        logger.info("%s was stopped before it was planned", state.id)
    key = feature_key(state.issue)
    text = f"**{key} is stopped.** Its branch and its record in the roadmap stay."
    try:
        context.desk.host.upsert_comment(state.issue, marker("failure", key), text)
    except CodeHostUnavailable:
        raise
    except CodeHostError as fault:  # the issue or its repository is gone: there is nobody to tell
        logger.warning("issue %d of %s cannot be told: %s", state.issue, state.repository, fault)
