"""The text of environments, held against the library that reads and writes the same format."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from devctl.fleet.records import EnvironmentRecord, EnvironmentSpec
from devctl.hosts.counters import Counters
from devctl.metrics.families import PREFIX, SERIES, EnvironmentText
from devctl.metrics.sampler import Sampled

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PLAIN = EnvironmentRecord(
    id="d-1", name="one", owner="ada", tier="free", host="local", phase="running", created=NOW,
    spec=EnvironmentSpec(name="one", image="debian:12"),
)  # fmt: skip


class Known(Collector):
    """Families as they were read."""

    def __init__(self, families: list[Metric]) -> None:
        self.families = families

    def collect(self) -> list[Metric]:
        return self.families


def sampled(number: int, owner: str, memory: int | None, seconds: float, percent: float | None) -> Sampled:
    record = PLAIN.model_copy(update={"id": f"d-{number}", "name": f"e-{number}", "owner": owner})
    counters = Counters(at=NOW, started=NOW, cpu_seconds=seconds, memory_bytes=memory, gpu_percent=percent)
    return Sampled(record=record, counters=counters)


@given(
    st.lists(
        st.builds(
            sampled,
            st.integers(0, 3),
            st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")) | st.sampled_from('\n"\\')),
            st.none() | st.integers(0, 2**63),
            st.floats(0, 1e12),
            st.none() | st.floats(0, 100),
        ),
        unique_by=lambda one: (one.record.name, one.record.owner),
        max_size=4,
    )
)
def test_text_is_what_the_library_writes_of_the_same_families(environments: list[Sampled]) -> None:
    text = EnvironmentText(lambda: environments).render()
    families = list(text_string_to_metric_families(text))
    registry = CollectorRegistry()
    registry.register(Known(families))
    assert generate_latest(registry).decode() == text
    values = {
        (sample.labels["name"], sample.labels["owner"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"{PREFIX}cpu_seconds_total"
    }
    assert values == {
        (one.record.name, one.record.owner): one.counters.cpu_seconds for one in environments if one.counters
    }


def test_families_without_samples_are_named_but_those_of_gpus() -> None:
    text = EnvironmentText(list).render()
    assert {name for name in SERIES if f"# TYPE {name} " not in text} == {
        f"{PREFIX}gpu_ratio",
        f"{PREFIX}gpu_memory_bytes",
    }
    shown = EnvironmentText(lambda: [sampled(1, "ada", None, 1.0, 50.0)]).render()
    assert f'{PREFIX}gpu_ratio{{host="local",name="e-1",owner="ada"}} 0.5\n' in shown
    assert f"{PREFIX}memory_bytes{{" not in shown and f"# TYPE {PREFIX}memory_bytes gauge" in shown


def test_labels_are_forgotten_with_their_environments() -> None:
    environments = [sampled(number, "ada", 1, 1.0, None) for number in range(3)]
    text = EnvironmentText(lambda: environments)
    first = text.render()
    environments.pop()
    second = text.render()
    assert (
        'name="e-2"' in first
        and 'name="e-2"' not in second
        and set(second.splitlines())
        < set(first.splitlines()) | {'devctl_environments{host="local",phase="running"} 2.0'}
    )
