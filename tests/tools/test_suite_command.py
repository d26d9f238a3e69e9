"""Reading test commands as people write them, and telling them from files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.repositories import committed
from tools.git import Mirror
from tools.suites.command import command_of
from tools.suites.detect import detect_suite
from tools.suites.runner import Place
from tools.suites.runners import RUNNERS
from tools.suites.tox import tox_tests

Files = dict[str, bytes | str | None]
PLACE = Place(root="/work", private=".git/roadcrew-0")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cd web && npx vitest run", "vitest"),
        ("make build && python -m pytest -q", "pytest"),
        ("coverage run --source src -m pytest", "pytest"),
        ("poetry run pytest", "pytest"),
        ("CI=1 node --test test/", "node"),
        ("./node_modules/.bin/jest src", "jest"),
        ("npx c8 mocha", "mocha"),
        ("yarn ava", "tap"),
        ("go test -race ./...", "go"),
        ("cargo +stable test --all", "cargo"),
        ("cargo test --all", "cargo"),
        ("./mvnw -q verify", "maven"),
        ("mvn clean", "command"),
        ("./gradlew :app:test", "gradle"),
        ("locust -f load.py", "locust"),
        ("pytest && npm test", "command"),
        ("go test -json ./...", "command"),
        ("node --test --test-reporter=tap", "command"),
        ("NODE_OPTIONS=--no-warnings node --test", "command"),
        ("npm test", "command"),
        ("go vet ./...", "command"),
        ("go test ./... || true", "command"),
        ("go test ./... &", "command"),
        ("cd a && cd b && make test", "command"),
    ],
)
def test_a_command_is_known_by_the_runner_it_ends_with(text: str, kind: str) -> None:
    assert command_of(text, "plan").kind == kind


@pytest.mark.parametrize(
    ("text", "script", "kind", "through"),
    [
        ("npm test", "vitest", "vitest", "--"),
        ("npm test -- src", "jest", "jest", ""),
        ("npm run test", "tsc && jest", "jest", "--"),
        ("pnpm test", "vitest run", "vitest", ""),
        ("yarn test", "mocha", "mocha", ""),
        ("npm test", "npm run unit", "mocha", "-- --"),
        ("npm test", "node --test | tee log", "command", ""),
        ("npm test", "npm test", "command", ""),
        ("npm test", "sh run.sh", "command", ""),
    ],
)
def test_a_script_is_looked_up_in_its_package(text: str, script: str, kind: str, through: str) -> None:
    found = command_of(text, "plan", scripts={"": {"test": script, "unit": "mocha spec"}})
    assert (found.kind, found.through) == (kind, through)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert command_of(text, "plan", scripts={"": {"test": text}}).kind in {*RUNNERS, "command"}


@pytest.mark.parametrize(
    ("text", "armed"),
    [
        ("go test ./...", "{ go test -json ./...\n} > /work/.git/roadcrew-0.report"),
        ("mvn -o test", "mvn -o -B -fae -o test"),
        ("./gradlew test", "./gradlew --offline --no-daemon --console=plain --continue test"),
        ("npx ava", "{ npx ava --tap\n} > /work/.git/roadcrew-0.report"),
        (
            "PYTHONPATH=src python -m unittest -v",
            "PYTHONPATH=src python /work/.git/roadcrew-0-unittest.py /work/.git/roadcrew-0.report -v",
        ),
        (
            "cargo test -- --nocapture --exact",
            "{ cargo test --no-fail-fast --color never -- --exact\n} > /work/.git/roadcrew-0.report 2>&1",
        ),
    ],
)
def test_a_command_is_made_to_leave_a_report(text: str, armed: str) -> None:
    command = command_of(text, "plan")
    assert RUNNERS[command.kind].arm(command, PLACE).text == armed


@pytest.mark.parametrize(
    ("files", "kind", "text"),
    [
        ({"go.mod": "module x", "main.go": "package main"}, "go", "go test ./..."),
        ({"Cargo.toml": "[package]", "src/lib.rs": ""}, "cargo", "cargo test"),
        ({"Cargo.toml": "[workspace]\n", "a/src/lib.rs": ""}, "cargo", "cargo test --workspace"),
        ({"pom.xml": "<project/>", "src/main/java/A.java": "class A {}"}, "maven", "mvn -o test"),
        ({"build.gradle.kts": "", "gradlew": "", "A.kt": "class A"}, "gradle", "./gradlew --offline test"),
        ({"build.gradle": "", "A.java": "class A {}"}, "gradle", "gradle --offline test"),
        ({"Makefile": "all:\n\ncheck: all\n\tsh t.sh\n", "a.c": "int x;"}, "command", "make check"),
        ({"Makefile": "test := 1\n", "run-tests.sh": ""}, "command", "./run-tests.sh"),
        ({"package.json": '{"scripts": {"test": "vitest"}}', ".pnp.cjs": "", "a.ts": "x"}, "vitest", "yarn test"),
        ({"package.json": '{"devDependencies": {"jest": "^30"}}', "a.js": "x"}, "jest", "npx jest"),
        ({"package.json": "{}", "test/a.test.js": "x"}, "node", "node --test"),
        ({"web/package.json": '{"scripts": {"test": "jest"}}', "web/a.js": "x"}, "jest", "cd web && npm test"),
        (
            {"package.json": '{"scripts": {"test": "jest"}}', "test_a.py": "def test_a(): pass\n" * 9, "a.js": "x"},
            "pytest",
            "python -m pytest",
        ),
        (
            {"package.json": '{"scripts": {"test": "jest"}}', "test_a.py": "def test_a(): pass\n", "a.js": "x" * 999},
            "jest",
            "npm test",
        ),
    ],
)
def test_the_suite_of_the_main_language_is_found(
    mirror: Mirror, first: str, files: Files, kind: str, text: str
) -> None:
    found = detect_suite(mirror, committed(mirror, first, files))
    assert found is not None
    assert (found.kind, found.text) == (kind, text)


def test_tox_is_read_and_not_run(mirror: Mirror, first: str) -> None:
    ini = (
        "[testenv]\ndeps =\n  pytest>=7\n  -r dev.txt\n  py38: old\ncommands =\n  mypy src\n  pytest {posargs:tests}\n"
    )
    files: Files = {"tox.ini": ini, "dev.txt": "mock  # why\n-c c.txt\n\nattrs\n", "tests/test_a.py": "import unittest"}
    commit = committed(mirror, first, files)
    plain, tox = "python -m pytest", "pytest tests"
    for planned, text in ((None, plain), ("tox", tox), ("tox -e py311", tox), ("python -m tox", tox)):
        found = detect_suite(mirror, commit, planned)
        assert found is not None
        assert (found.kind, found.text) == ("pytest", text)
        assert found.packages == ("pytest>=7", "mock", "attrs", "pytest")


def test_tox_alone_says_how_tests_are_run(mirror: Mirror, first: str) -> None:
    files: Files = {"tox.ini": "[testenv]\ncommands = sh checks/all.sh\n", "a.py": "x = 1\n"}
    found = detect_suite(mirror, committed(mirror, first, files))
    assert found is not None
    assert (found.kind, found.text) == ("command", "sh checks/all.sh")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pyproject.toml", '[tool.tox.env_run_base]\ncommands = [["pytest", "a b"]]\ndeps = ["mock"]\n', "pytest 'a b'"),
        ("pyproject.toml", "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\ncommands = {envpython} -m pytest\n'''\n", "python -m pytest"),
        ("tox.ini", "[testenv]\ncommands =\n  sh a.sh\n  sh b.sh\n", "sh a.sh && sh b.sh"),
        ("tox.ini", "[testenv]\ncommands = {[base]commands}\n", None),
        ("tox.ini", "[testenv\n", None),
        ("tox.ini", "[tox]\nenvlist = py\n", None),
        ("pyproject.toml", "[tool.tox.env_run_base]\ncommands = [[1]]\n", None),
    ],
)  # fmt: skip
def test_toxs_commands_are_told_or_left(name: str, text: str, expected: str | None) -> None:
    found = tox_tests({name: text.encode()}, lambda _: None)
    assert (found.text if found else None) == expected


@given(st.text())
def test_any_tox_file_is_read(text: str) -> None:
    for files in ({"tox.ini": f"[testenv]\ncommands = {text}".encode()}, {"pyproject.toml": text.encode()}):
        found = tox_tests(files, lambda _: None)
        assert found is None or "{" not in found.text
