"""A conversation as exchanges, and what must not be lost of those that are left out.

An exchange is what the model said with all that answered it: calls and their results are never torn apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tools.model import Message
from tools.model_overflow import message_tokens
from tools.observation import cut_middle

HEAD = 2
"""The system prompt and the task: never touched."""
KEPT = 4
"""Latest exchanges that stay whole, where there is room."""
SHORT = 1_500
"""Characters that stay of an older output."""
SUMMARY_TOKENS = 1_200
"""What a summary may take."""
NAMES = 30
"""Failing tests, and files, that are named; of more, their number is told."""
BEGINNING = "Summary of the work so far"
"""Begins the message that stands for what was left out (prompts/condensed.md)."""

_IDS = re.compile(r"\b[FT]-\d+\b")
_FAILING = (
    re.compile(r"^(?:FAILED|ERROR) (\S+(?:::|\.)[^\n]*?)(?: - .*)?$", re.MULTILINE),
    re.compile(r"^(?:FAIL|ERROR): (\w+ \([\w.]+\))$", re.MULTILINE),
    re.compile(r"^\s*--- FAIL: (\S+)", re.MULTILINE),
    re.compile(r"^test (\S+) \.\.\. FAILED$", re.MULTILINE),
    re.compile(r"^\s*not ok \d+ - (.+)$", re.MULTILINE),
)
_LISTED = re.compile(r"\bfailing: ([^\n;]+)")
_RAN = re.compile(r"\b\d+ passed\b|^OK\b|^ok\s|^test result: ok|^# fail 0$", re.MULTILINE)

Exchange = tuple[Message, ...]


class Cut(NamedTuple):
    """A conversation in three parts; the middle is to be left out."""

    before: tuple[Message, ...]
    middle: tuple[Exchange, ...]
    after: tuple[Message, ...]


def tokens_of(messages: Iterable[Message]) -> int:
    """Return about how many tokens these messages have."""
    return sum(map(message_tokens, messages))


def exchanges(messages: Sequence[Message]) -> list[Exchange]:
    """Return the exchanges of what follows the head; an earlier summary is one of its own."""
    found: list[list[Message]] = []
    for message in messages[HEAD:]:
        begins = message.role == "assistant" or (message.content or "").startswith(BEGINNING)
        if begins or not found:
            found.append([])
        found[-1].append(message)
    return [tuple(one) for one in found]


def with_short_outputs(messages: Sequence[Message], whole: int = KEPT) -> list[Message]:
    """Return the messages with long outputs cut in the middle, all but those of the latest exchanges."""
    latest = sum(map(len, exchanges(messages)[-whole:])) if whole else 0
    end = len(messages) - latest
    return [_short(message) if HEAD <= index < end else message for index, message in enumerate(messages)]


def cut(messages: Sequence[Message], target: int) -> Cut:
    """Return what to leave out so that the rest and a summary fit into the target, as far as that can be."""
    head, found = tuple(messages[:HEAD]), exchanges(messages)
    for kept in range(min(KEPT, len(found) - 1), 0, -1):
        before, middle, after = (*head, *found[0]), found[1:-kept], _flat(found[-kept:])
        if middle and tokens_of((*before, *after)) + SUMMARY_TOKENS <= target:
            return Cut(before, tuple(middle), after)
    before, middle = (*head, *_flat(found[:1])), found[1:-1]
    return Cut(before, tuple(middle), _flat(found[len(found[:1]) :][-1:]))


def is_word(message: Message) -> bool:
    """Tell whether a message is what a person said: these stay as they are."""
    text = message.content or ""
    return message.role == "user" and not text.startswith((BEGINNING, "Verdict: "))


def facts_of(messages: Sequence[Message], task: str, changed: Sequence[str]) -> dict[str, list[str]]:
    """Return what must stay known: the ids of tasks, the tests that failed last, the files changed so far."""
    ids = sorted({found for message in messages for found in _IDS.findall(message.content or "")} | ({task} - {"-"}))
    return {
        "tasks and features": ids[:NAMES],
        "failing tests when last run": failing_tests(messages),
        "files changed so far": list(changed),
    }


def failing_tests(messages: Sequence[Message]) -> list[str]:
    """Return the names of the tests that failed in the latest output that tells of tests."""
    for message in reversed(messages):
        if message.role == "assistant":
            continue
        text = message.content or ""
        names = [name.strip() for pattern in _FAILING for name in pattern.findall(text)]
        names += [name.strip() for listed in _LISTED.findall(text) for name in listed.split(",")]
        if names or _RAN.search(text):
            return list(dict.fromkeys(names))
    return []


def missing_facts(summary: str, facts: dict[str, list[str]]) -> list[str]:
    """Return a line for each kind of facts of which the summary has left something out."""
    lines = []
    for kind, values in facts.items():
        left_out = [value for value in values if not _told(value, summary)]
        if left_out:
            more = f" and {len(left_out) - NAMES} more" if len(left_out) > NAMES else ""
            lines.append(f"{kind}: {', '.join(f'`{value}`' for value in left_out[:NAMES])}{more}")
    return lines


def log_of(middle: Sequence[Exchange]) -> str:
    """Return a summary without a model: each call with its verdict."""
    lines = []
    for exchange in middle:
        for message in exchange:
            if (message.content or "").startswith(BEGINNING):
                lines.append(cut_middle(message.content or "", SHORT * 2))
            for call in message.tool_calls:
                answer = next((one.content or "" for one in exchange if one.tool_call_id == call.id), "")
                lines.append(f"- {call.name} {call.arguments[:160]} -> {answer.partition(chr(10))[0][:160]}")
    return cut_middle("\n".join(lines), SUMMARY_TOKENS * 3) or "(words alone, no calls)"


def transcript_of(middle: Sequence[Exchange], limit: int) -> str:
    """Return what was said, for whoever summarises it, in at most ``limit`` characters."""
    parts = []
    for message in _flat(middle):
        calls = "\n".join(f"calls {call.name} {call.arguments[:SHORT]}" for call in message.tool_calls)
        said = cut_middle(message.content or "", SHORT)
        parts.append(f"[{message.role}]\n{said}\n{calls}".strip())
    return cut_middle("\n\n".join(parts), limit)


def _told(value: str, summary: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", summary) is not None


def _short(message: Message) -> Message:
    content = message.content or ""
    shorter = cut_middle(content, SHORT)
    if message.role != "tool" or len(shorter) >= len(content):  # that something was left out takes words, too
        return message
    return message.model_copy(update={"content": shorter})


def _flat(parts: Iterable[Exchange]) -> tuple[Message, ...]:
    return tuple(message for part in parts for message in part)
