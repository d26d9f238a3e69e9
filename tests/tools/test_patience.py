"""Time limits of commands: long for the first build of its kind, usual for all else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.patience import Patience, builds_in


@pytest.mark.parametrize(
    ("command", "builds"),
    [
        ("go test ./...", {"go test"}),
        ("cd web && CGO_ENABLED=1 go test -race -count=1 ./... | tail -5", {"go test -count=1 -race"}),
        ("time timeout 300 cargo build --release; ls", {"cargo build --release"}),
        ("/usr/local/go/bin/go vet ./x", {"go vet"}),
        ("(./gradlew --offline test)", {"gradlew test --offline"}),
        ("mvn -o -q test", {"mvn test -o -q"}),
        ("npm ci && npm test", {"npm ci"}),
        ("make", {"make "}),
        ("go env GOCACHE", set()),
        ("cargo --version", set()),
        ("grep -rn 'go test' . ; echo 'cargo build'", set()),
        ("python -m pytest -q", set()),
        ("echo 'torn", set()),
        ("", set()),
    ],
)
def test_builds_are_told_from_other_commands(command: str, builds: set[str]) -> None:
    assert builds_in(command) == builds


def test_only_the_first_build_of_its_kind_has_the_long_time() -> None:
    patience = Patience(120, 600)
    assert patience.limit("ls") == 120
    assert patience.limit("go test ./...") == 600
    assert patience.limit("go test ./...") == 600, "it did not come to its end"
    patience.ended("go test ./calc")
    assert patience.limit("go test ./...") == 120
    assert patience.limit("go test -race ./...") == 600


def test_a_build_never_has_less_time_than_another_command() -> None:
    assert Patience(900, 600).limit("make") == 900


@given(st.text())
def test_any_command_has_a_limit(command: str) -> None:
    patience = Patience()
    patience.ended(command)
    assert patience.limit(command) == 120
