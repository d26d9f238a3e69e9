"""The one door through which an agent acts: decide by policy, execute, observe, log. Default deny.

A call that cannot be carried out is a ToolError, which the model hears; anything else stops the run.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from tools.chat import ToolSchema
from tools.errors import ToolError
from tools.observation import OUTPUT_CHARACTERS, Observation, cut_middle
from tools.record import Record

if TYPE_CHECKING:
    from policies import Decision, KnownAdvisory, PolicyEngine

__all__ = ["AuditDecision", "AuditEvent", "Door", "Observation", "Tool"]

log = logging.getLogger(__name__)

ARGUMENT_CHARACTERS = 4 * 1024 * 1024
"""Longer argument texts are not even parsed."""
_PROBLEMS_SHOWN = 5

AuditDecision = Literal["allowed", "denied", "dry-run", "not asked"]

Arguments = TypeVar("Arguments", bound=BaseModel)


def _nothing(_: Any) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True)
class Tool(Generic[Arguments]):
    """A tool: its arguments, what it does, and what of it policy has to know."""

    name: str
    arguments: type[Arguments]
    """Its docstring is the tool's description to the model."""
    run: Callable[[Arguments], Observation]
    """Raises ToolError for what the model can mend."""
    paths: Callable[[Arguments], tuple[str, ...]] = _nothing
    """The paths that a call names."""
    packages: Callable[[Arguments], tuple[str, ...]] = _nothing
    """The packages that a call asks for."""
    advisories: Callable[[Arguments], "tuple[KnownAdvisory, ...]"] = _nothing
    """What is known against these packages; asked before policy decides."""
    network: str | None = None
    """The network of this tool, where it is another than the door's."""

    def schema(self) -> ToolSchema:
        """The tool as it is shown to the model."""
        parameters = _without_titles(self.arguments.model_json_schema())
        description = str(parameters.pop("description", ""))
        return ToolSchema(name=self.name, description=description, parameters=parameters)


class AuditEvent(Record):
    """One call, for the record; the arguments themselves stand in the journal."""

    who: str
    tool: str
    arguments_digest: str
    """SHA-256 of the arguments."""
    decision: AuditDecision
    reasons: tuple[str, ...]
    outcome: str
    """The verdict, or the error."""
    seconds: float

    @classmethod
    def inside(cls, who: str, tool: str, arguments: JsonValue) -> "AuditEvent":
        """What an agent with a loop of its own did inside its sandbox: policy was not asked of each step."""
        digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
        reasons = ("done inside the sandbox; policy judges what it left",)
        return cls(
            who=who, tool=tool, arguments_digest=digest, decision="not asked", reasons=reasons, outcome="", seconds=0.0
        )


class Door:
    """The tools that one role has in one turn."""

    def __init__(
        self,
        policy: "PolicyEngine",
        tools: Sequence[Tool[Any]],
        audit: Callable[[AuditEvent], None],
        *,
        repository: str,
        network: str = "none",
    ) -> None:
        self._policy = policy
        self._tools = {tool.name: tool for tool in tools}
        self._audit = audit
        self._repository = repository
        self._network = network

    def schemas(self) -> tuple[ToolSchema, ...]:
        """The tools as they are shown to the model."""
        return tuple(tool.schema() for tool in self._tools.values())

    def call(self, role: str, tool: str, arguments: str | Mapping[str, JsonValue]) -> Observation:
        """Carry out one call; `arguments` may be the JSON text that the model sent.

        Raises ToolError for an unknown tool, wrong arguments, a denial, and what the tool itself refuses.
        """
        entry = _Entry(who=role, tool=tool, digest=_digest(arguments))
        try:
            observation = self._carry_out(role, tool, arguments, entry)
            entry.outcome = observation.verdict
        except ToolError as error:
            entry.outcome = f"refused: {error.message}"
            raise
        finally:
            self._record(entry)
        return observation.model_copy(update={"text": cut_middle(observation.text, OUTPUT_CHARACTERS)})

    def _carry_out(
        self, role: str, name: str, arguments: str | Mapping[str, JsonValue], entry: "_Entry"
    ) -> Observation:
        tool = self._tools.get(name)
        if tool is None:
            raise ToolError(f"there is no tool {name[:100]!r}", f"the tools are {', '.join(self._tools)}")
        read = _read(tool, arguments)
        decision = self._decide(role, tool, read)
        entry.reasons = tuple(decision.reasons)
        entry.decision = "denied" if not decision.allowed else "dry-run" if decision.dry_run else "allowed"
        if not decision.allowed:
            raise ToolError(f"denied: {'; '.join(decision.reasons)}", "do it another way, or leave it")
        return tool.run(read)

    def _decide(self, role: str, tool: Tool[Any], read: BaseModel) -> "Decision":
        from policies import Action

        action = Action(
            role=role,
            tool=tool.name,
            repository=self._repository,
            arguments=read.model_dump(mode="json"),
            paths=tool.paths(read),
            packages=tool.packages(read),
            network=tool.network or self._network,
            change=(),
            advisories=tool.advisories(read),
        )
        return self._policy.decide(action)

    def _record(self, entry: "_Entry") -> None:
        seconds = time.monotonic() - entry.began
        # the tool's name and the outcome may be the model's own words: nothing of them may steer a terminal
        log.info("%s called %.100r: %s, %r", entry.who, entry.tool, entry.decision, entry.outcome)
        event = AuditEvent(
            who=entry.who,
            tool=entry.tool[:100],
            arguments_digest=entry.digest,
            decision=entry.decision,
            reasons=entry.reasons,
            outcome=entry.outcome,
            seconds=seconds,
        )
        self._audit(event)


class _Entry:
    """What is known of a call so far."""

    def __init__(self, who: str, tool: str, digest: str) -> None:
        self.who = who
        self.tool = tool
        self.digest = digest
        self.began = time.monotonic()
        self.decision: AuditDecision = "not asked"
        self.reasons: tuple[str, ...] = ()
        self.outcome = "stopped the run"


def _read(tool: Tool[Arguments], arguments: str | Mapping[str, JsonValue]) -> Arguments:
    """The arguments checked; raises ToolError that says which are wrong."""
    if isinstance(arguments, str) and len(arguments) > ARGUMENT_CHARACTERS:
        raise ToolError(f"the arguments of {tool.name} have {len(arguments)} characters", "send less at once")
    try:
        if isinstance(arguments, str):
            return tool.arguments.model_validate_json(arguments or "{}", strict=False)
        return tool.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        raise ToolError(
            f"the arguments of {tool.name} are wrong: {_problems(error)}",
            f"it takes a JSON object with {_signature(tool.arguments)}",
        ) from error


def _problems(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    words = []
    for problem in problems[:_PROBLEMS_SHOWN]:
        place = ".".join(str(part) for part in problem["loc"])
        words.append(f"{place}: {problem['msg']}" if place else problem["msg"])
    return "; ".join(words)


def _signature(arguments: type[BaseModel]) -> str:
    fields = arguments.model_fields.items()
    return ", ".join(name if field.is_required() else f"{name} (optional)" for name, field in fields) or "no fields"


def _digest(arguments: str | Mapping[str, JsonValue]) -> str:
    text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the titles that pydantic derives from names: they cost tokens and say nothing."""
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: _without_titles(field) for name, field in value.items()}
        elif isinstance(value, dict):
            kept[key] = _without_titles(value)
        elif key != "title" or not isinstance(value, str):
            kept[key] = value
    return kept
