"""Of a repository with more source than a map looks at: which files are, and that the map says how many were not."""

import pytest

from tests.tools.repositories import committed
from tools.git import Mirror
from tools.repomap.candidates import Bounds, candidates_of
from tools.repomap.map import RepositoryMap, repository_map
from tools.repomap.ranking import Wanted, code_of
from tools.repomap.reading import source_files

BOUNDS = Bounds(files=20)


@pytest.fixture
def large(mirror: Mirror, first: str) -> str:
    """A commit of 200 source files, five times what the bounds hold."""
    files = {f"part{n % 20}/unit{n // 100}/m{n}.py": f"def function_{n}(): return {n}\n" for n in range(100)}
    files |= {f"part{n % 20}/tests/test_{n}.py": f"def test_{n}(): pass\n" for n in range(100)}
    files |= {"part3/unit0/caller.py": "def caller(): return function_42()\n", "part9/deep/er/payment.py": "rate = 1\n"}
    return committed(mirror, first, files)


def drawn(mirror: Mirror, commit: str, mentioned: list[str], focus: list[str]) -> RepositoryMap:
    return repository_map(mirror, commit, 300, mentioned, focus, BOUNDS)


def chosen(mirror: Mirror, commit: str, wanted: Wanted, bounds: Bounds = BOUNDS) -> list[str]:
    return [file.path for file in candidates_of(mirror.git, commit, source_files(mirror.files(commit)), wanted, bounds)]


def test_a_repository_within_the_bounds_is_looked_at_whole(mirror: Mirror, large: str) -> None:
    seen = repository_map(mirror, large, 300)
    assert (seen.source_files, seen.left_out) == (202, 0)


def test_the_map_says_how_many_files_it_left_out(mirror: Mirror, large: str) -> None:
    seen = drawn(mirror, large, [], [])
    assert (seen.source_files, seen.left_out) == (20, 182)


def test_files_in_focus_come_first_then_those_near_them(mirror: Mirror, large: str) -> None:
    paths = chosen(mirror, large, Wanted(frozenset({"part7/unit0/m47.py"})))
    assert paths[0] == "part7/unit0/m47.py"
    assert {path.split("/")[0] for path in paths[:8]} == {"part7"}
    assert drawn(mirror, large, [], ["part7/unit0/m47.py"]).files[0] == "part7/unit0/m47.py"


def test_a_name_that_stands_in_a_file_leads_to_it(mirror: Mirror, large: str) -> None:
    seen = drawn(mirror, large, ["function_42 gives the wrong number"], [])
    assert seen.files[0] == "part2/unit0/m42.py"
    assert set(chosen(mirror, large, Wanted(code=frozenset({"function_42"})))[:2]) == {
        "part2/unit0/m42.py",
        "part3/unit0/caller.py",
    }


def test_a_name_that_very_many_files_hold_leads_to_none_in_particular(mirror: Mirror, large: str) -> None:
    wanted = Wanted(frozenset({"part3/unit0/m3.py"}), code=frozenset({"return", "pass"}))
    assert chosen(mirror, large, wanted)[0] == "part3/unit0/m3.py"


def test_a_folder_or_stem_called_like_a_word_of_prose_counts_a_little(mirror: Mirror, large: str) -> None:
    assert chosen(mirror, large, Wanted(words=frozenset({"Payment", "fails"})))[0] == "part9/deep/er/payment.py"


def test_where_nothing_is_wanted_source_comes_before_tests(mirror: Mirror, large: str) -> None:
    assert not any("/tests/" in path for path in chosen(mirror, large, Wanted()))


def test_bytes_are_bounded_as_well(mirror: Mirror, large: str) -> None:
    size = sum(file.size for file in source_files(mirror.files(large)))
    some = chosen(mirror, large, Wanted(), Bounds(size=size // 2))
    assert 0 < len(some) < 202


def test_what_is_written_as_code_is_told_from_prose() -> None:
    text = "Please let parse() in `tools.Mirror` take HTTPServer, max_size, sha256 and --limit; that is all."
    assert code_of([text]) == {"parse", "tools", "Mirror", "HTTPServer", "max_size", "sha256"}
