"""What both policy engines must answer alike; each test's name says which engine it ran on."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from policies import Action, FileChange, KnownAdvisory, PolicyEngine, RepositoryRules


def submit(
    path: str = "src/a.py", packages: tuple[str, ...] = (), granted: tuple[str, ...] = (), **file: object
) -> Action:
    change = FileChange.model_validate({"path": path, **file})
    arguments: dict[str, JsonValue] = {"granted_packages": list(granted)} if granted else {}
    return Action(role="coder", tool="submit", arguments=arguments, paths=(path,), packages=packages, change=(change,))


def known(score: float | None) -> KnownAdvisory:
    return KnownAdvisory(package="shelf", version="2.0", id="GHSA-1", score=score, fixed=("2.0.1",))


ALLOWED = {
    "edit": Action(role="coder", tool="edit", paths=("src/a.py",)),
    "bash": Action(role="tester", tool="bash", arguments={"command": "pytest"}),
    "plan": Action(role="planner", tool="graph_write"),
    "push": Action(role="integrator", tool="push", arguments={"branch": "feature/F-1"}),
    "merge": Action(role="integrator", tool="merge", arguments={"approved": True, "green": True}),
    "prepare": Action(role="coder", tool="environment.prepare", network="packages", packages=("pytest>=8",)),
    "launch": Action(role="person", tool="environment.launch"),
    "change": submit(),
    "granted": submit("pyproject.toml", packages=("tomlkit",), granted=("tomlkit>=0.13",)),
    "manual": Action(role="docgen", tool="edit", paths=("docs/a.md",)),
    "docstring": Action(role="docgen", tool="edit", paths=("a.py",)),
    "report": Action(role="researcher", tool="submit"),
    "search": Action(role="researcher", tool="search", network="research"),
    "harmless package": Action(role="coder", tool="request_dependency", packages=("shelf",), advisories=(known(6.9),)),
    "unrated package": Action(role="coder", tool="request_dependency", packages=("shelf",), advisories=(known(None),)),
    "link": submit("docs/latest", mode="120000", link_target="../README.md"),
}
DENIED = {
    "no such role": (Action(role="", tool="bash"), "no role of the team"),
    "no such tool": (Action(role="coder", tool="fly"), "no role may"),
    "push by coder": (Action(role="coder", tool="push"), "leave it to the integrator"),
    "graph by reviewer": (Action(role="reviewer", tool="graph_write"), "only planner and integrator"),
    "edit by reviewer": (Action(role="reviewer", tool="edit", paths=("a",)), "the reviewer only reads"),
    "code by docgen": (Action(role="docgen", tool="create", paths=("a.py",)), "leave code to the coder"),
    "workflow": (submit(".github/workflows/ci.yml"), "protected file (workflow)"),
    "secret": (submit("config/.env"), "protected file (secret)"),
    "git folder": (Action(role="coder", tool="create", paths=(".git/hooks/x",)), "git's own folder"),
    "out of the tree": (Action(role="coder", tool="edit", paths=("../x",)), "leads out of the repository"),
    "link out": (submit("a/b", mode="120000", link_target="../../x"), "leads to ../../x"),
    "link to nothing": (submit("a/b", mode="120000"), "out of the repository"),
    "submodule": (submit("lib", mode="160000"), "is a submodule"),
    "huge file": (submit(size=3 * 1024 * 1024), "has 3145728 bytes, and 2097152 is the limit"),
    "executable": (submit("tool", mode="100755", binary=True), "executable binary"),
    "lock file": (submit("uv.lock"), "is a lock file"),
    "new package": (submit("pyproject.toml", packages=("tomlkit",)), "unasked: call request_dependency"),
    "package address": (
        Action(role="coder", tool="request_dependency", packages=("git+https://x/y.git",)),
        "no plain package requirement",
    ),
    "package denied": (Action(role="coder", tool="request_dependency", packages=("sklearn",)), "ask for scikit-learn"),
    "grave weakness": (
        Action(role="coder", tool="request_dependency", packages=("shelf",), advisories=(known(7.0),)),
        "ask for a version that mends it (2.0.1)",
    ),
    "search by coder": (Action(role="coder", tool="search", network="research"), "leave it to the researcher"),
    "code with research": (Action(role="researcher", tool="bash", network="research"), "code runs without network"),
    "search on the sly": (Action(role="researcher", tool="search"), 'asked with the network "research"'),
    "network at run": (Action(role="tester", tool="bash", network="open"), "code runs without network"),
    "network unknown": (Action(role="coder", tool="prepare", network="host"), "use one of none, packages, open"),
    "merge unapproved": (Action(role="integrator", tool="merge", arguments={"green": True}), "not approved"),
    "merge red": (
        Action(role="integrator", tool="merge", arguments={"approved": True, "green": "yes"}),
        "not all green",
    ),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_action_is_allowed_without_reasons(engine: PolicyEngine, case: str) -> None:
    decision = engine.decide(ALLOWED[case])
    assert (decision.allowed, decision.reasons, decision.dry_run) == (True, (), False)
    assert decision.engine == engine.name


@pytest.mark.parametrize("case", DENIED)
def test_action_is_denied_and_told_why(engine: PolicyEngine, case: str) -> None:
    action, words = DENIED[case]
    decision = engine.decide(action)
    assert not decision.allowed
    assert words in " | ".join(decision.reasons)


def test_own_rules_of_a_repository_tighten(engine: PolicyEngine) -> None:
    own = RepositoryRules(protected_paths=("src/**",), allowed_packages=("tomlkit",), max_file_bytes=10)
    denied = engine.decide(submit(size=11), own)
    assert len(denied.reasons) == 2
    asked = Action(role="coder", tool="request_dependency", packages=("Tomlkit", "rich"))
    assert engine.decide(asked).allowed
    assert "rich" in engine.decide(asked, own).reasons[0]


def test_own_rules_of_a_repository_never_loosen(engine: PolicyEngine) -> None:
    own = RepositoryRules(allowed_packages=("sklearn",), max_file_bytes=10**9)
    assert not engine.decide(submit(size=3 * 1024 * 1024), own).allowed
    assert not engine.decide(Action(role="coder", tool="request_dependency", packages=("sklearn",)), own).allowed


def test_many_reasons_are_cut(engine: PolicyEngine) -> None:
    change = tuple(FileChange(path=f"{number}.pem") for number in range(100))
    reasons = engine.decide(Action(role="coder", tool="submit", change=change)).reasons
    assert len(reasons) == 21
    assert reasons[-1] == "and 80 more reasons"


def test_long_values_are_cut(engine: PolicyEngine) -> None:
    reasons = engine.decide(Action(role="coder", tool="edit", paths=("../" + "x" * 100_000,))).reasons
    assert all(len(reason) < 700 for reason in reasons)


def test_threads_share_an_engine(engine: PolicyEngine) -> None:
    actions = [*ALLOWED.values(), *(action for action, _ in DENIED.values())] * 3
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(engine.decide, actions))
    assert [answer.allowed for answer in answers] == ([True] * len(ALLOWED) + [False] * len(DENIED)) * 3


odd_text = st.text(max_size=12) | st.sampled_from(
    ["submit", "coder", "docgen", ".env", "../x", "a/b.py", "uv.lock", "%s%d"]
)
odd_change = st.builds(
    FileChange,
    path=odd_text,
    mode=st.sampled_from(["100644", "100755", "120000", "160000", ""]),
    size=st.integers(0, 2**40),
    link_target=st.none() | odd_text,
    binary=st.booleans(),
)
odd_action = st.builds(
    Action,
    role=odd_text,
    tool=odd_text,
    arguments=st.dictionaries(
        st.sampled_from(["granted_packages", "approved", "docstrings_only", "x"]),
        st.none() | st.booleans() | odd_text | st.lists(odd_text | st.integers(), max_size=2),
        max_size=2,
    ),
    paths=st.lists(odd_text, max_size=2).map(tuple),
    packages=st.lists(odd_text, max_size=2).map(tuple),
    network=odd_text,
    change=st.lists(odd_change, max_size=2).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(action=odd_action)
def test_any_action_gets_a_decision_by_the_rules(engine: PolicyEngine, action: Action) -> None:
    decision = engine.decide(action)
    assert decision.allowed == (not decision.reasons)
    assert not any(reason.startswith("no decision") for reason in decision.reasons), decision.reasons


@settings(max_examples=150, deadline=None)
@given(action=odd_action)
def test_both_engines_decide_alike(pair: tuple[PolicyEngine, PolicyEngine], action: Action) -> None:
    in_process, by_server = (engine.decide(action) for engine in pair)
    assert in_process.allowed == by_server.allowed
    assert len(in_process.reasons) == len(by_server.reasons), (in_process.reasons, by_server.reasons)
