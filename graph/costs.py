"""What a feature cost: calls, tokens, money and time by role, task and model, added up from its turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from graph.models import Feature, Record
from graph.spending import ModelUse, Turn


class CostLine(Record):
    """What one role, task, model or feature used."""

    name: str
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Those of the prompt tokens that the endpoint took from its cache."""
    cost_usd: float | None = None
    """US dollars of the calls whose price is known; None when none is."""
    unpriced: int = 0
    """Calls whose price is not known."""
    seconds: float = 0.0
    """Of turns, from start to end; turns run side by side, so this is work and not waiting. Empty by model."""

    def plus(self, use: ModelUse) -> CostLine:
        """Return the line with one more use of a model."""
        cost = self.cost_usd if use.cost_usd is None else (self.cost_usd or 0.0) + use.cost_usd
        return self.model_copy(
            update={
                "calls": self.calls + use.calls,
                "prompt_tokens": self.prompt_tokens + use.prompt_tokens,
                "completion_tokens": self.completion_tokens + use.completion_tokens,
                "cached_tokens": self.cached_tokens + use.cached_tokens,
                "cost_usd": cost,
                "unpriced": self.unpriced + use.unpriced,
            }
        )


class CostReport(Record):
    """What one feature cost."""

    feature: str
    title: str
    status: str
    total: CostLine
    by_role: tuple[CostLine, ...]
    by_task: tuple[CostLine, ...]
    by_model: tuple[CostLine, ...]


def cost_report(feature: Feature, turns: Iterable[Turn]) -> CostReport:
    """Add up a feature's turns."""
    turns = tuple(turns)
    return CostReport(
        feature=feature.id,
        title=feature.title,
        status=str(feature.status),
        total=_line("total", turns),
        by_role=_grouped(turns, lambda turn: turn.role),
        by_task=_grouped(turns, _task_of),
        by_model=_by_model(turns),
    )


def total_of(lines: Iterable[CostLine]) -> CostLine:
    """Return the sum of lines."""
    total = CostLine(name="total")
    for line in lines:
        use = line.model_dump(exclude={"name", "seconds"})
        total = total.plus(ModelUse(model="", **use))
        total = total.model_copy(update={"seconds": total.seconds + line.seconds})
    return total


def _grouped(turns: tuple[Turn, ...], name: Callable[[Turn], str]) -> tuple[CostLine, ...]:
    groups: dict[str, list[Turn]] = {}
    for turn in turns:
        groups.setdefault(name(turn), []).append(turn)
    return tuple(_line(key, group) for key, group in groups.items())


def _line(name: str, turns: Iterable[Turn]) -> CostLine:
    line = CostLine(name=name)
    for turn in turns:
        for use in turn.uses:
            line = line.plus(use)
        line = line.model_copy(update={"seconds": line.seconds + turn.seconds})
    return line


def _by_model(turns: tuple[Turn, ...]) -> tuple[CostLine, ...]:
    lines: dict[str, CostLine] = {}
    for turn in turns:
        for use in turn.uses:
            lines[use.model] = lines.get(use.model, CostLine(name=use.model)).plus(use)
    return tuple(lines.values())


def _task_of(turn: Turn) -> str:
    return "(whole feature)" if turn.subject == turn.feature_id else turn.subject.rpartition("/")[2]
