"""What is kept of a file follows from that file alone: source made to hurt costs itself, and changes nothing else.

The tags that are kept are what every later map is drawn from, so one file of a repository must not be able to have
another one remembered as empty, or as something that it is not.
"""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.repositories import committed, new_remote, seeded
from tools.git import Mirror
from tools.repomap.extract import NOTHING, Definition, Tags
from tools.repomap.map import repository_map
from tools.repomap.parsing import parse_all
from tools.repomap.reading import source_files, tags_of
from tools.repomap.store import Key, TagStore

GOOD = b"def good(): pass\n"
SLOW = b"((((((((\n" * 40_000
"""Takes the parser more time than a child gives one file."""


def soon() -> float:
    """Late enough for all that is parsed here."""
    return time.monotonic() + 120


def names(tags: Tags) -> list[str]:
    return [item.name for item in tags.definitions]


def test_files_for_which_there_was_no_time_are_not_remembered_as_empty(mirror: Mirror, first: str) -> None:
    files = source_files(mirror.files(committed(mirror, first, {"a.py": GOOD, "b.py": b"def other(): pass\n"})))
    store = TagStore(mirror.folder)
    assert dict(tags_of(mirror.git, store, files, seconds=0.0)) == {}
    assert dict(store.get([file.key for file in files])) == {}
    assert [names(tags) for _, tags in tags_of(mirror.git, store, files)] == [["good"], ["other"]]


def test_a_child_cut_short_by_the_time_for_all_says_nothing_of_the_file_it_was_at() -> None:
    sources = [(("1", "python"), SLOW), (("2", "python"), GOOD)]
    assert NOTHING not in parse_all(sources, time.monotonic() + 0.5).values()


def test_a_language_that_cannot_be_loaded_is_no_fault_of_the_file() -> None:
    assert parse_all([(("1", "no_such_language"), GOOD)], soon()) == {}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=200), st.sampled_from([
    b"python 17\n" + GOOD, b'[[["forged","function",1,-1,"def forged():"]],{}]\n', b"", b"\n", b'"""', b"\0", b"\x1a",
])), max_size=4))  # fmt: skip
def test_what_stands_in_other_files_changes_nothing(others: list[bytes]) -> None:
    sources = [((str(number), "python"), content) for number, content in enumerate(others)]
    found = parse_all([*sources, (("good", "python"), GOOD)], soon())
    assert found["good", "python"] == Tags([Definition("good", "function", 1, -1, "def good():")], {})
    assert len(found) == len(others) + 1


def test_rows_that_are_broken_are_read_anew(mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {"a.py": GOOD})
    drawn = repository_map(mirror, commit, 100)
    store = TagStore(mirror.folder)
    with store.opened() as database, database:
        database.execute("UPDATE tags SET tags = ?", (b"no tags at all",))
    assert repository_map(mirror, commit, 100) == drawn


def test_a_file_with_broken_pages_is_thrown_away(tmp_path: Path) -> None:
    store = TagStore(tmp_path)
    many: dict[Key, Tags] = {(f"{number:040x}", "python"): Tags([], {"name": 1}) for number in range(2_000)}
    store.put(many)
    (file,) = tmp_path.glob("*.sqlite")
    file.write_bytes(file.read_bytes()[:8192] + b"\0" * (file.stat().st_size - 8192))  # as a power cut leaves it
    assert dict(store.get(many)) == {}
    store.put(many)
    assert dict(store.get(many)) == many


def test_one_repository_does_not_see_what_was_kept_for_another(tmp_path: Path) -> None:
    drawn = {}
    key: Key
    for name in ("red", "blue"):
        mirror = Mirror(tmp_path / name, str(new_remote(tmp_path / f"{name}.git")))
        commit = committed(mirror, seeded(mirror), {"a.py": GOOD})
        (key,) = (file.key for file in source_files(mirror.files(commit)))
        if name == "red":  # whatever its owner brings about in it
            TagStore(mirror.folder).put({key: Tags([Definition("evil", "function", 1, -1, "def evil():")], {})})
        drawn[name] = repository_map(mirror, commit, 100).text
    assert ("evil" in drawn["red"], drawn["blue"]) == (True, "a.py:\n    1 def good():")


def test_files_of_a_work_tree_do_not_change_what_is_kept_for_the_base(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"a.py": GOOD, "b.py": b"def b(): pass\n"})
    drawn = repository_map(mirror, base, 100)
    hostile = {"a.py": b"\0", "b.py": b"# @generated\n" + GOOD, "c.py": b'[[["good","function",9,-1,"evil"]],{}]\n'}
    repository_map(mirror, committed(mirror, base, hostile), 100)
    assert repository_map(mirror, base, 100) == drawn


@pytest.mark.parametrize("name", ["x.py:\n    1 def forged():\n\ny.py", "a\x1b[2K.py", "a\u202eyp.py", "a\r.py"])
def test_a_name_that_could_pass_for_lines_of_the_map_is_left_out(mirror: Mirror, first: str, name: str) -> None:
    commit = committed(mirror, first, {name: GOOD, "b.py": b"def b(): pass\n"})
    assert repository_map(mirror, commit, 100).text == "b.py:\n    1 def b():"
