"""What a commit's files tell."""

import pytest

from tests.tools.repositories import AT, committed
from tools.facts import leads_out
from tools.git import Mirror
from tools.gitobjects import LINK, SUBMODULE, edit_tree, write_blobs
from tools.testpaths import is_test_path, matches

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n"


def test_an_empty_repository_is_said_to_be_empty(mirror: Mirror, first: str) -> None:
    facts = mirror.facts(first)
    assert (facts.files, facts.languages, facts.has_tests) == (0, (), False)
    assert facts.notes == ("The repository is empty.",)


def test_submodules_pointers_and_links_out_are_noted(mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {".gitattributes": "*.png filter=lfs\n", "a.png": POINTER, "b.png": "real"})
    out, inside = write_blobs(mirror.git, [b"../../etc", b"../a.png"])
    links = {b"d/out": (LINK, out), b"d/in": (LINK, inside), b"sub": (SUBMODULE, "1" * 40)}
    tree = edit_tree(mirror.git, commit, dict(links))
    facts = mirror.facts(mirror.commit_tree(tree, [commit], "Links", at=AT))
    assert (facts.lfs_files, facts.links_out, facts.submodules) == (("a.png",), ("d/out",), ("sub",))
    assert len(facts.notes) == 3


def test_languages_tests_and_dependency_files_are_found(mirror: Mirror, first: str) -> None:
    files = {"a.py": "x" * 90, "b.js": "y" * 10, "tests/test_a.py": "", "req/requirements-dev.txt": "", "uv.lock": ""}
    facts = mirror.facts(committed(mirror, first, files))
    assert facts.languages == ("Python", "JavaScript")
    assert facts.test_files == ("tests/test_a.py",)
    assert facts.dependency_files == ("req/requirements-dev.txt", "uv.lock")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/data/x.json", True),
        ("test_a.py", True),
        ("pkg/a_test.py", True),
        ("conftest.py", True),
        ("src/a.test.ts", True),
        ("pkg/a_test.go", True),
        ("pytest.ini", True),
        ("src/parser/tests.rs", True),
        ("tests/it.rs", True),
        ("src/test/java/x/CalcTest.java", True),
        ("app/OrderIT.java", True),
        ("web/__mocks__/fs.ts", True),
        ("vitest.config.ts", True),
        ("pkg/testdata/a.json", True),
        ("test.js", True),
        ("test-max-length.mjs", True),
        ("src/shop-test.ts", True),
        ("index.test-d.ts", True),
        ("latest.js", False),
        ("inspect.js", False),
        ("contest.js", False),
        ("src/lib.rs", False),
        ("src/AUDIT.java", False),
        ("vite.config.ts", False),
        ("src/contest.py", False),
        ("latest.py", False),
        ("specs/001-x/spec.md", False),
        ("testimony.py", False),
    ],
)
def test_test_files_are_known_by_the_customs_of_their_language(path: str, expected: bool) -> None:
    assert is_test_path(path) is expected


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("tests/test_a.py", "tests/test_a.py", True),
        ("tests/*.py", "tests/deep/test_a.py", False),
        ("tests/**", "tests/deep/test_a.py", True),
        ("**/test_a.py", "test_a.py", True),
        ("tests/", "tests/x", True),
        ("./tests", "tests/x", True),
        ("test", "tests/x", False),
        ("a[1].py", "a[1].py", True),
        ("a.py", "aXpy", False),
    ],
)
def test_globs_match_as_people_expect(glob: str, path: str, expected: bool) -> None:
    assert matches(path, [glob]) is expected


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("a", b"b", False),
        ("a", b"../b", True),
        ("d/a", b"../b", False),
        ("d/a", b"../../b", True),
        ("a", b"/etc", True),
        ("d/a", b"../x/../../y", True),
    ],
)
def test_links_are_judged_by_where_they_lead(path: str, target: bytes, expected: bool) -> None:
    assert leads_out(path, target) is expected
