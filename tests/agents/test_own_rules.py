"""The rules of a repository's roadcrew.toml."""

from pathlib import Path

import pytest

from agents.errors import RepositoryUnusable
from agents.own_rules import rules_at
from policies import Action, RepositoryRules, open_engine
from tests.tools.repositories import committed, new_remote, seeded
from tools.git import Mirror


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """A mirror of an empty repository."""
    return Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))


def test_rules_are_those_of_the_commit_that_is_asked_for(mirror: Mirror) -> None:
    first = seeded(mirror)
    assert rules_at(mirror, first) == RepositoryRules()
    base = committed(mirror, first, {"roadcrew.toml": '[policy]\nprotected_paths = ["db/**"]\nmax_file_bytes = 9\n'})
    later = committed(mirror, base, {"roadcrew.toml": "[policy]\n"})
    assert rules_at(mirror, base) == RepositoryRules(protected_paths=("db/**",), max_file_bytes=9)
    assert rules_at(mirror, later) == RepositoryRules()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[policy]\nprotected = []", "policy.protected of roadcrew.toml cannot be used: no such key"),
        ('[policy]\nprotected_paths = "db/**"', "policy.protected_paths"),
        ('[policy]\nprotected_paths = ["/db"]', "is no pattern"),
        ("[policy]\nmax_file_bytes = -1", "it is -1"),
        ("policy = 3", "policy of roadcrew.toml"),
        ("[policy\n", "is not TOML"),
    ],
)
def test_rules_that_cannot_be_read_are_named(mirror: Mirror, text: str, words: str) -> None:
    with pytest.raises(RepositoryUnusable) as fault:
        rules_at(mirror, committed(mirror, seeded(mirror), {"roadcrew.toml": text}))
    assert words in fault.value.message


def test_file_that_is_no_toml_and_holds_no_rules_stops_nothing(mirror: Mirror) -> None:
    assert rules_at(mirror, committed(mirror, seeded(mirror), {"roadcrew.toml": "[team\n"})) == RepositoryRules()


def test_engine_under_a_repository_tightens_and_loosens_nothing() -> None:
    engine = open_engine()
    edit = Action(role="coder", tool="edit", paths=("db/x.sql",))
    secret = Action(role="coder", tool="edit", paths=("server.pem",))
    under = engine.under(RepositoryRules(protected_paths=("db/**",), max_file_bytes=10**12))
    assert engine.decide(edit).allowed
    assert not under.decide(edit).allowed
    assert not under.decide(secret).allowed
