"""The choice of a host, without any."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.errors import SettingsInvalid
from devctl.fleet.records import EnvironmentSpec, GpuWish, Host, KeptLimits
from devctl.hosts.addresses import checked_host
from devctl.hosts.engine import HostFacts
from devctl.hosts.placement import Candidate, best, has_image, obstacle

SPEC = EnvironmentSpec(name="blog", image="team/app:3", limits=KeptLimits(cpus=2, memory_mb=4096, disk_mb=8192))


def machine(name: str = "one", cpus: float = 0, environments: int = 0, **more: object) -> Candidate:
    """A machine of eight cores and 16 GiB; what `more` says of the host or of its facts is put in."""
    facts = {"cpus": 8, "memory_mb": 16_384, **{key: more[key] for key in more if key in HostFacts.model_fields}}
    own = {key: more[key] for key in more if key in Host.model_fields}
    host = Host.model_validate({"name": name, "address": "unix:///x", **own})
    return Candidate(host=host, facts=HostFacts.model_validate(facts), cpus=cpus, environments=environments)


@pytest.mark.parametrize(
    ("candidate", "word"),
    [
        (machine(draining=True), "drained"),
        (machine(max_environments=3, environments=3), "3 environments"),
        (machine(memory_mb=2048), "2048 MiB"),
        (machine(disk_free_mb=100), "100 MiB of disk"),
    ],
)
def test_what_rules_a_host_out_is_said(candidate: Candidate, word: str) -> None:
    assert word in obstacle(SPEC, candidate)


def test_host_that_could_take_it_has_no_obstacle() -> None:
    assert obstacle(SPEC, machine(max_environments=3, environments=2)) == ""
    wish = SPEC.model_copy(update={"gpu": GpuWish(want="required")})
    assert "GPU" in obstacle(wish, machine()) and obstacle(wish, machine(gpu=True)) == ""


def test_the_free_one_the_one_with_the_image_and_the_one_without_a_gpu_are_better() -> None:
    assert best(SPEC, [machine("busy", Candidate=0, cpus=8), machine("free")]).host.name in ("busy", "free")
    assert (
        best(SPEC, [machine("full").model_copy(update={"cpus": 6.0, "memory_mb": 12_000}), machine("free")]).host.name
        == "free"
    )
    assert best(SPEC, [machine("without"), machine("has", images=("team/app:3",))]).host.name == "has"
    assert best(SPEC, [machine("gpu", gpu=True), machine("plain")]).host.name == "plain"
    wish = SPEC.model_copy(update={"gpu": GpuWish(want="optional")})
    assert best(wish, [machine("gpu", gpu=True), machine("plain")]).host.name == "gpu"
    assert (
        best(SPEC, [machine("tight", disk_free_mb=6_000), machine("roomy", disk_free_mb=60_000)]).host.name == "roomy"
    )


def test_equals_are_taken_by_chance() -> None:
    counted = Counter(best(SPEC, [machine("one"), machine("two")]).host.name for _ in range(200))
    assert min(counted["one"], counted["two"]) > 50


@given(st.lists(st.integers(0, 40), min_size=2, max_size=5), st.integers(1, 60))
def test_one_after_the_other_they_are_spread_evenly(taken: list[int], count: int) -> None:
    promised = [float(one) for one in taken]
    for _ in range(count):
        hosts = [machine(f"h{index}", cpus=value) for index, value in enumerate(promised)]
        promised[int(best(SPEC, hosts).host.name[1:])] += SPEC.limits.cpus
    grown = [now for now, before in zip(promised, taken, strict=True) if now > before]
    assert max(grown) - min(promised) <= SPEC.limits.cpus


def test_image_without_a_tag_is_the_latest() -> None:
    assert has_image("app", ("app:latest",)) and has_image("localhost:5000/app", ("localhost:5000/app:latest",))
    assert not has_image("app:2", ("app:latest",)) and has_image("app:2", ("app:2",))


@pytest.mark.parametrize(
    ("address", "word"),
    [
        ("tcp://10.0.0.1:2375", "open to all"),
        ("tcp://10.0.0.1", "open to all"),
        ("http://10.0.0.1", "no address"),
        ("ssh://-oProxyCommand=x", "names no machine"),
        ("ssh://me:secret@box", "password"),
        ("ssh://-l@box", "no user"),
        ("ssh://box:99999", "Port out of range"),
        ("unix:relative", "no socket"),
        ("box", "no address"),
    ],
)
def test_address_that_cannot_be_one_or_is_open_to_all_is_refused(address: str, word: str) -> None:
    with pytest.raises(SettingsInvalid, match=word):
        checked_host("box", address, None, None, {}, 30)
