"""What both policy engines must answer alike about environments; each test's name says which engine it ran on."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from policies import (
    DevctlCaller,
    DevctlImage,
    DevctlQuestion,
    DevctlUser,
    LivingEnvironment,
    PolicyEngine,
    PolicySettings,
    open_engine,
)

ANN = DevctlUser(name="ann", tier="free")
WANTED: dict[str, JsonValue] = {
    "limits": {"cpus": 2.0, "memory_mb": 4096, "pids": 1024, "disk_mb": 10_240},
    "egress": {"mode": "none", "domains": []},
    "gpu": {"want": "none", "count": 1},
    "mounts": [],
}


def living(name: str) -> LivingEnvironment:
    return LivingEnvironment(name=name, phase="running", cpus=1, memory_mb=512)


def asks(operation: str = "create", user: DevctlUser = ANN, **more: object) -> DevctlQuestion:
    given = {"operation": operation, "user": user, "owner": user, "subject": "web", "environment": WANTED, **more}
    return DevctlQuestion.model_validate(given)


def wanting(**parts: object) -> dict[str, object]:
    return {**WANTED, **parts}


def bind(source: str) -> dict[str, object]:
    return wanting(mounts=[{"kind": "bind", "source": source, "target": "/mnt", "read_only": True}])


HOME = DevctlCaller(home="/homes/ann")
BOB = DevctlUser(name="bob", tier="owner")
ALLOWED = {
    "first": asks(),
    "second": asks(running=(living("a"),)),
    "many of the owner": asks(user=BOB, running=tuple(living(f"e{number}") for number in range(40))),
    "use beside others": asks("exec", running=(living("a"), living("b"), living("c"))),
    "own folder": asks(environment=bind("/homes/ann/code"), caller=HOME),
    "mended image": asks("build", image=DevctlImage(name="debian:12", cvss=7.0)),
    "packages": asks("wizard", packages={"apt": ("curl", "git=1:2.39"), "pip": ("requests>=2",)}),
    "kept a day": asks("keep", details={"hours": 24}),
    "admin of another's": asks("stop", DevctlUser(name="root", tier="owner", role="admin"), owner=ANN),
    "viewer looks": asks("logs", DevctlUser(name="ann", tier="free", role="viewer")),
}
DENIED = {
    "third": (asks(running=(living("a"), living("b"))), "ann has 2 living environments, and 2 is the limit"),
    "third by start": (asks("start", running=(living("a"), living("b"))), "2 is the limit of the tier free"),
    "CPUs": (asks(environment=wanting(limits={**dict(WANTED["limits"]), "cpus": 2.5})), "2.5 CPUs, and 2 is the limit"),  # type: ignore[arg-type] # a mapping, as written above
    "unreadable CPUs": (asks(environment=wanting(limits={"cpus": "1"})), "does not say its limit"),
    "no environment": (asks(environment={}), "does not say its"),
    "open network": (asks(environment=wanting(egress={"mode": "open"})), "is not open to the tier free"),
    "GPU": (asks(environment=wanting(gpu={"want": "required", "count": 1})), "0 is the limit of the tier free"),
    "host folder": (asks(user=BOB, environment=bind("/etc"), caller=HOME), "only what lies below /homes/ann"),
    "climbing folder": (asks(environment=bind("/homes/ann/../bob"), caller=HOME), "may not be mounted"),
    "engine": (asks(environment=bind("/homes/ann/docker.sock"), caller=HOME), "container engine"),
    "folder over the network": (asks(environment=bind("/homes/ann")), "there is none here"),
    "privileged": (asks(user=BOB, environment=wanting(privileged=True)), 'have no "privileged"'),
    "weak image": (asks("build", image=DevctlImage(name="debian:8", cvss=9.8)), "CVSS 9.8, above 7"),
    "sudo": (asks("wizard", packages={"apt": ("sudo",)}), "not allowed in an image"),
    "hostile name": (asks("wizard", packages={"apt": ("a; reboot",)}), "no plain apt package"),
    "kept too long": (asks("keep", details={"hours": 25}), "24 is the limit"),
    "tunnels": (asks("tunnel", details={"open": 2}), "2 open tunnels"),
    "another's": (asks("exec", ANN, owner=BOB), "belongs to bob"),
    "viewer acts": (asks("exec", DevctlUser(name="ann", tier="free", role="viewer")), "may look and not exec"),
    "no such operation": (asks("fly"), "is no operation"),
    "no such tier": (asks(user=DevctlUser(name="ann", tier="gold")), "no limits are known for the tier"),
    "no such role": (asks(user=DevctlUser(name="ann", tier="free", role="king")), "is no role"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_question_is_granted_without_reasons(engine: PolicyEngine, case: str) -> None:
    decision = engine.decide_devctl(ALLOWED[case])
    assert (decision.allowed, decision.reasons, decision.dry_run) == (True, (), False)
    assert decision.engine == engine.name


@pytest.mark.parametrize("case", DENIED)
def test_question_is_denied_and_told_why(engine: PolicyEngine, case: str) -> None:
    question, words = DENIED[case]
    decision = engine.decide_devctl(question)
    assert not decision.allowed
    assert words in " | ".join(decision.reasons)


odd = st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats(allow_nan=False, allow_infinity=False)
odd_text = st.text(max_size=10) | st.sampled_from(["create", "exec", "free", "owner", "admin", "/etc", "../x", "%s"])
odd_value = odd | odd_text | st.lists(odd_text, max_size=2) | st.dictionaries(odd_text, odd, max_size=2)
odd_user = st.builds(
    DevctlUser,
    name=odd_text,
    tier=st.sampled_from(["free", "pro", "owner", ""]),
    role=st.sampled_from(["user", "admin", "viewer", ""]),
)
odd_environment = st.fixed_dictionaries(
    {},
    optional={
        "limits": st.fixed_dictionaries(
            {}, optional={"cpus": odd_value, "memory_mb": odd, "pids": odd, "disk_mb": odd}
        ),
        "egress": st.fixed_dictionaries({}, optional={"mode": odd_value}) | odd_value,
        "gpu": st.fixed_dictionaries({"want": odd_text, "count": st.integers(0, 9)}),
        "mounts": st.lists(
            st.fixed_dictionaries({"kind": odd_text, "source": odd_text, "target": odd_text}), max_size=2
        ),
        "privileged": odd,
    },
)
odd_question = st.builds(
    DevctlQuestion,
    operation=odd_text,
    user=odd_user,
    owner=odd_user,
    caller=st.builds(DevctlCaller, home=odd_text, workspace=odd_text),
    subject=odd_text,
    environment=odd_environment,
    running=st.lists(st.builds(LivingEnvironment, name=odd_text, phase=odd_text, cpus=st.just(1.0)), max_size=3).map(
        tuple
    ),
    image=st.none() | st.builds(DevctlImage, name=odd_text, cvss=st.none() | st.floats(0, 10)),
    packages=st.dictionaries(st.sampled_from(["apt", "pip", "x"]), st.lists(odd_text, max_size=2).map(tuple)),
    details=st.dictionaries(st.sampled_from(["hours", "open"]), odd_value, max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(question=odd_question)
def test_both_engines_decide_alike(pair: tuple[PolicyEngine, PolicyEngine], question: DevctlQuestion) -> None:
    in_process, by_server = (engine.decide_devctl(question) for engine in pair)
    assert in_process.allowed == by_server.allowed
    assert in_process.allowed == (not in_process.reasons)
    assert len(in_process.reasons) == len(by_server.reasons), (in_process.reasons, by_server.reasons)
    assert not any(reason.startswith("no decision") for reason in in_process.reasons), in_process.reasons


@pytest.mark.parametrize("rule", ["to_number(input.subject) > 1", "true; 1 / count(input.running) > 1"])
def test_extra_rule_that_fails_denies_in_a_dry_run_too(tmp_path: Path, rule: str) -> None:
    text = f'package roadcrew.devctl\n\nimport rego.v1\n\ndeny contains "x" if {{ {rule} }}\n'
    (tmp_path / "more.rego").write_text(text, encoding="utf-8")
    decision = open_engine(PolicySettings(extra_rules=tmp_path, dry_run=True)).decide_devctl(asks())
    assert not decision.allowed
    assert decision.reasons[0].startswith("no decision")


def test_extra_rule_joins_and_a_dry_run_allows(tmp_path: Path) -> None:
    text = (
        'package roadcrew.devctl\n\nimport rego.v1\n\ndeny contains "not on fridays" if input.operation == "create"\n'
    )
    (tmp_path / "more.rego").write_text(text, encoding="utf-8")
    assert open_engine(PolicySettings(extra_rules=tmp_path)).decide_devctl(asks()).reasons == ("not on fridays",)
    dry = open_engine(PolicySettings(extra_rules=tmp_path, dry_run=True)).decide_devctl(asks())
    assert (dry.allowed, dry.dry_run, dry.reasons) == (True, True, ("not on fridays",))
    assert open_engine(PolicySettings(extra_rules=tmp_path)).decide_devctl(asks("exec")).allowed


def test_tiers_of_the_operator_replace_ours(tmp_path: Path) -> None:
    one = "{environments: 1, cpus: 9, memory_mb: null, pids: null, disk_mb: null, gpus: 0, egress: [none], "
    text = f"devctl_data:\n  tiers:\n    free: {one}keep_hours: 1, tunnels: 1, any_volume: false}}\n"
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    engine = open_engine(PolicySettings(extra_rules=tmp_path))
    assert engine.decide_devctl(asks()).allowed
    assert not engine.decide_devctl(asks(running=(living("a"),))).allowed
