"""What features cost, as people read it: rows of tables, money and time in words."""

from __future__ import annotations

from graph import CostLine, FeatureSpending

COLUMNS = ("calls", "in", "cached", "out", "USD", "time")
"""Of every table of costs, behind the column that names the row."""


def cells(line: CostLine) -> tuple[str, ...]:
    """Return the row of a table."""
    counts = (line.calls, line.prompt_tokens, line.cached_tokens, line.completion_tokens)
    return (line.name, *(f"{count:,}" for count in counts), money(line), duration(line.seconds))


def overview_line(spent: FeatureSpending) -> CostLine:
    """Return a feature's line among all features."""
    fields = spent.model_dump(exclude={"feature_id", "title", "status", "turns"})
    return CostLine(name=spent.feature_id, **fields)


def money(line: CostLine) -> str:
    """Return US dollars; `+` and `unknown` say that the price of some or all calls is not known."""
    if line.cost_usd is None:
        return "unknown" if line.unpriced else "-"
    return f"{line.cost_usd:.4f}{'+' if line.unpriced else ''}"


def duration(seconds: float) -> str:
    """Return a time as people say it: `48 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole else "-"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
