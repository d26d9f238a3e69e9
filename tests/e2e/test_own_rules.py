"""A repository's own rules: heeded as the base commit has them, and told when they cannot be read."""

from pathlib import Path

from tests.e2e.conftest import commit_all
from tests.e2e.crewmates import crewmates, gives, in_turn, writes
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.e2e.test_bad_input import stands_still

ONE = planned(code_task("T1", "one.py", title="Write one"))


def with_rules(repository: Path, rules: str) -> Path:
    (repository / "roadcrew.toml").write_text(f"[policy]\n{rules}\n", encoding="utf-8")
    commit_all(repository)
    return repository


def test_path_that_the_repository_protects_is_not_changed(office: MakeOffice, repository: Path) -> None:
    mates = crewmates(planner=in_turn(gives(ONE)), coder=writes(*function("one")))
    made = office(mates, rounds=1, steps=8).file(with_rules(repository, 'protected_paths = ["one.py"]'))
    made.begin()
    assert made.go_on().verdict != "merged"
    threads = [made.thread, *(child.id for child in made.office.crew.threads.children(made.thread))]
    refused = [row for row in made.office.crew.audit.of(threads) if row.refused]
    assert any("protected by the repository's settings (one.py)" in reason for row in refused for reason in row.reasons)


def test_rules_that_cannot_be_read_stop_the_delivery_and_are_named_on_the_issue(
    office: MakeOffice, repository: Path
) -> None:
    mates = crewmates(planner=in_turn(gives(ONE)), coder=writes(*function("one")))
    made = office(mates).file(with_rules(repository, 'protected_path = ["db/**"]'))
    made.begin()
    assert made.go_on().status in ("failed", "waiting")
    told = stands_still(made)
    assert "policy.protected_path of roadcrew.toml cannot be used: no such key" in told
    assert "/roadcrew retry" in told
    assert not mates.of("planner")
