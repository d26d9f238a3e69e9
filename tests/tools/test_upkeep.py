"""Upkeep of mirrors, and what is kept about trees."""

import fcntl
from pathlib import Path

from tests.tools.repositories import committed
from tools.git import GitSettings, Mirror
from tools.gitobjects import REGULAR
from tools.loose_objects import write_object
from tools.tree_cache import LARGE
from tools.tree_index import TreeIndex
from tools.upkeep import keep_up


def packs(mirror: Mirror) -> int:
    return len(list((mirror.folder / "objects" / "pack").glob("*.pack")))


def scattered(mirror: Mirror, first: str) -> str:
    """Several packs, and the head."""
    head = first
    for number in range(4):
        new = committed(mirror, head, {f"f{number}": str(number)})
        mirror.push("main", new, head)
        mirror.git.run("repack", "-d", "--quiet")
        head = new
    return head


def test_many_packs_become_one_and_snapshots_stay(mirror: Mirror, first: str) -> None:
    head = scattered(mirror, first)
    snapshot = committed(mirror, head, {"work": "in progress"})
    assert packs(mirror) > 2
    assert keep_up(mirror.git, packs=2)
    assert packs(mirror) == 1
    assert mirror.read(snapshot, "work") == b"in progress"
    assert mirror.read(head, "f0") == b"0"


def test_a_mirror_in_order_is_left_alone_and_a_fetch_keeps_it_up(mirror: Mirror, first: str) -> None:
    scattered(mirror, first)
    before = packs(mirror)
    mirror.fetch()
    assert packs(mirror) == before


def test_two_do_not_tidy_up_at_once(mirror: Mirror, first: str) -> None:
    scattered(mirror, first)
    with (mirror.folder / "roadcrew-upkeep.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not keep_up(mirror.git, packs=2)
    assert packs(mirror) > 2


def test_a_snapshots_loose_objects_outlive_the_upkeep(mirror: Mirror, first: str) -> None:
    base = scattered(mirror, first)
    index = TreeIndex(mirror.git, base)
    tree = index.apply({"d/new": (REGULAR, write_object(mirror.folder, "blob", b"new"))})
    snapshot = mirror.commit_progress(tree, mirror.commit(base))
    assert keep_up(mirror.git, packs=2)
    assert mirror.read(snapshot, "d/new") == b"new"
    assert mirror.unbundle(mirror.bundle(base, snapshot)) == snapshot


def test_facts_of_a_large_tree_are_kept_for_the_next_process(mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {f"d{n % 100}/f{n}.py": "x" for n in range(LARGE)})
    found = mirror.facts(commit)
    (file,) = mirror.folder.glob("roadcrew-facts-*/*.json")
    file.write_text(file.read_text().replace(f'"files":{LARGE}', '"files":1'))
    assert Mirror(mirror.folder, mirror.url).facts(commit).files == 1
    file.write_text("no facts")
    assert Mirror(mirror.folder, mirror.url).facts(commit) == found


def test_a_list_of_files_is_the_callers_own(mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {"a": "1"})
    mirror.files(commit).clear()
    assert [entry.path for entry in mirror.files(commit)] == ["a"]


def test_git_is_told_of_proxies(tmp_path: Path, mirror: Mirror) -> None:
    settings = GitSettings(environment={"http_proxy": "http://127.0.0.1:9"})
    away = Mirror(tmp_path / "away", "http://192.0.2.1/x.git", settings=settings)
    output = away.git.talk("ls-remote", away.url, url=away.url, token=None)
    assert "127.0.0.1 port 9" in output.stderr
