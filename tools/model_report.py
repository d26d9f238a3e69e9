"""What was found out about a model: the findings of `roadcrew model check`, put together."""

from collections.abc import Sequence
from typing import Literal

from tools.model import ModelClient
from tools.model_traits import EndpointTraits
from tools.record import Record

State = Literal["works", "otherwise", "missing", "unknown"]


class Finding(Record):
    """What one question showed."""

    name: str
    state: State
    """works; otherwise: it does not, and something else is used; missing: the work needs it; unknown."""
    detail: str
    instead: str = ""
    """What is used in its place, or what to set."""
    seconds: float | None = None
    tokens: int = 0
    cost_usd: float | None = None


class ModelReport(Record):
    """All that is known of one model at one endpoint."""

    model: str
    base_url: str
    findings: tuple[Finding, ...]
    traits: EndpointTraits
    """What is used from here on."""
    tokens: int
    cost_usd: float | None

    @property
    def serves(self) -> bool:
        """Whether the team can work with it."""
        return all(finding.state != "missing" for finding in self.findings)


def report_of(client: ModelClient, model: str, findings: Sequence[Finding]) -> ModelReport:
    """Put the findings together."""
    costs = [finding.cost_usd for finding in findings if finding.cost_usd is not None]
    return ModelReport(
        model=model,
        base_url=client.settings.base_url,
        findings=tuple(findings),
        traits=client.traits(model),
        tokens=sum(finding.tokens for finding in findings),
        cost_usd=sum(costs) if costs else None,
    )
