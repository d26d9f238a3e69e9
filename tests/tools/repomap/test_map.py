"""The map of a commit: what is ranked high, the budget, the store."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.repositories import committed, seeded
from tools.git import Mirror
from tools.repomap.extract import NOTHING, Definition, Tags
from tools.repomap.map import estimated_tokens, repository_map
from tools.repomap.ranking import Wanted, build_graph, name_weight, rank, words_of
from tools.repomap.reading import source_files, tags_of
from tools.repomap.store import TagStore

FILES = {
    "core/engine.py": "class SearchEngine:\n    def find_all(self): pass\n    def _hidden(self): pass\n\ndef unused(): pass\n",
    "core/other.py": "def rarely_used(): pass\n",
    "app/web.py": "from core.engine import SearchEngine\n\ndef serve_page():\n    return SearchEngine().find_all()\n",
    "app/cli.py": "from core.engine import SearchEngine\n\ndef run_command():\n    SearchEngine().find_all()\n    rarely_used()\n",
    "app/view.js": "export function SearchEngine() {}\n",
    "vendor/lib.py": "def find_all(): pass\n",
    "README.md": "# Search\n",
}


@pytest.fixture
def commit(mirror: Mirror, first: str) -> str:
    """A small repository."""
    return committed(mirror, first, FILES)


def test_what_others_use_comes_first_with_what_is_around_it(mirror: Mirror, commit: str) -> None:
    drawn = repository_map(mirror, commit, 60)
    assert drawn.text.startswith("core/engine.py:\n    1 class SearchEngine:\n    2     def find_all(self):")
    assert "_hidden" not in drawn.text.split("\n\n")[0].splitlines()[2]
    assert drawn.source_files == 5


def test_the_budget_holds_and_more_of_it_shows_more(mirror: Mirror, commit: str) -> None:
    sizes = [repository_map(mirror, commit, budget) for budget in (0, 20, 60, 1000)]
    for budget, drawn in zip((0, 20, 60, 1000), sizes, strict=True):
        assert drawn.tokens == estimated_tokens(drawn.text) <= budget
    assert [drawn.definitions for drawn in sizes] == sorted(drawn.definitions for drawn in sizes)
    assert sizes[0].text == ""
    assert "rarely_used" in sizes[-1].text


def test_focus_and_words_draw_the_map_towards_them(mirror: Mirror, commit: str) -> None:
    assert repository_map(mirror, commit, 1000, focus=["core/other.py"]).files[0] == "core/other.py"
    assert repository_map(mirror, commit, 1000, focus=["app/"]).files[0] != "core/other.py"
    assert repository_map(mirror, commit, 1000, ["the `rarely_used` function hangs"]).files[0] == "core/other.py"
    assert repository_map(mirror, commit, 1000, ["see app/view.js"]).files[0] == "app/view.js"


def test_a_map_is_the_same_each_time_and_in_each_process(mirror: Mirror, commit: str, tmp_path: Path) -> None:
    mirror.push("main", commit, mirror.head("main"))
    other = Mirror(tmp_path / "other", mirror.url)
    other.fetch()
    assert (
        repository_map(other, commit, 200) == repository_map(mirror, commit, 200) == repository_map(mirror, commit, 200)
    )


def test_a_file_is_parsed_once_whatever_its_name_is(mirror: Mirror, commit: str) -> None:
    repository_map(mirror, commit, 100)
    marked = Tags([Definition("from_the_store", "function", 7, -1, "def from_the_store():")], {})
    store = TagStore(mirror.folder)
    files = source_files(mirror.files(commit))
    store.put({next(file.key for file in files if file.path == "core/other.py"): marked})
    later = committed(mirror, commit, {"core/other.py": None, "core/moved.py": FILES["core/other.py"]})
    assert "    7 def from_the_store():" in repository_map(mirror, later, 1000).text


def test_a_broken_store_is_made_anew(mirror: Mirror, commit: str) -> None:
    drawn = repository_map(mirror, commit, 100)
    (file,) = mirror.folder.glob("roadcrew-tags-*.sqlite")
    file.write_bytes(b"no database at all" * 1000)
    assert repository_map(mirror, commit, 100) == drawn
    assert dict(TagStore(mirror.folder).get([source_files(mirror.files(commit))[0].key]))


def test_several_may_read_and_write_the_store_at_once(mirror: Mirror, commit: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: repository_map(mirror, commit, 300).text, range(8)))) == 1


def test_vendored_generated_and_long_files_are_left_out(mirror: Mirror, first: str) -> None:
    names = ["a.min.js", "x_pb2.py", "node_modules/a/b.js", "third_party/c.c", "note.txt", "x.pb.go"]
    commit = committed(
        mirror, first, {**dict.fromkeys(names, "x\n"), "long.py": "a = 1\n" * 100_000, "own.py": "a = 1\n"}
    )
    assert [file.path for file in source_files(mirror.files(commit))] == ["own.py"]


def test_an_empty_repository_has_an_empty_map(mirror: Mirror) -> None:
    drawn = repository_map(mirror, seeded(mirror), 1000)
    assert (drawn.text, drawn.files, drawn.tokens) == ("", (), 0)


def test_a_file_that_ends_the_parser_is_remembered_as_empty_and_costs_no_other(mirror: Mirror, first: str) -> None:
    good = {"a.py": "def before(): pass\n", "c.py": "def after(): pass\n"}
    commit = committed(mirror, first, {**good, "b.py": "((((((((\n" * 40_000})
    files = source_files(mirror.files(commit))
    store = TagStore(mirror.folder)
    found = {file.path: [item.name for item in tags.definitions] for file, tags in tags_of(mirror.git, store, files)}
    assert found == {"a.py": ["before"], "b.py": [], "c.py": ["after"]}
    assert dict(store.get([files[1].key])) == {files[1].key: NOTHING}


_words = st.sampled_from(["alpha_beta", "gammaDelta", "x", "_private", "common"])
_tags = st.builds(
    lambda defined, used: Tags([Definition(name, "function", 1, -1, name) for name in defined], used),
    st.lists(_words, unique=True, max_size=3),
    st.dictionaries(_words, st.integers(1, 50), max_size=4),
)


@given(st.dictionaries(st.sampled_from(["a.py", "b.py", "c/d.py", "c/e.js"]), _tags, max_size=4), st.booleans())
def test_ranks_are_finite_and_only_of_what_is_defined(tags: dict[str, Tags], focused: bool) -> None:
    wanted = Wanted(frozenset({"a.py"}), frozenset({"common"})) if focused else Wanted()
    ranks = rank(build_graph(tags), tags, wanted)
    defined = {(path, item.name) for path, found in tags.items() for item in found.definitions}
    assert ranks.keys() == defined
    assert all(0 <= value < 50 for value in ranks.values())


def test_names_that_say_more_weigh_more() -> None:
    assert name_weight("open_worktree") > name_weight("open") > name_weight("_open") > 0
    assert words_of(["Mend `parse()` in tools/mirror.py, please."]) >= {"parse", "tools/mirror.py", "mirror"}
