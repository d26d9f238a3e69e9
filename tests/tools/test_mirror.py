"""The mirror: fetching, reading, writing commits, merging, pushing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tools.repositories import AT, committed, hook, new_remote, seeded
from tools.errors import FetchFailed, GitBroken, ObjectMissing, PushRejected, RemoteUnavailable
from tools.git import DiffLimits, Mirror, Person


def test_fetch_brings_branches_and_forgets_deleted_ones(mirror: Mirror, first: str, tmp_path: Path) -> None:
    mirror.create_branch("feature/F-1", committed(mirror, first, {"a": "1"}))
    other = Mirror(tmp_path / "other", mirror.url)
    other.fetch()
    assert other.head("feature/F-1") == mirror.head("feature/F-1")
    mirror.git.talk("push", mirror.url, ":refs/heads/feature/F-1", url=mirror.url, token=None)
    other.fetch()
    assert other.head("feature/F-1") is None
    assert other.branches() == {"main": first}


def test_default_branch_is_what_the_remote_says(mirror: Mirror) -> None:
    assert mirror.default_branch() is None
    seeded(mirror)
    assert mirror.default_branch() == "main"


def test_edits_make_a_commit_without_a_work_tree(mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, {"docs/a.md": "one\n", "b.bin": b"\x00\xff"})
    later = committed(mirror, commit, {"docs": "now a file", "b.bin": None})
    assert [entry.path for entry in mirror.files(commit)] == ["b.bin", "docs/a.md"]
    assert [entry.path for entry in mirror.files(later)] == ["docs"]
    assert mirror.read(commit, "b.bin") == b"\x00\xff"
    assert mirror.commit(later).parents == (commit,)


def test_the_same_edit_at_the_same_time_is_the_same_commit(mirror: Mirror, first: str) -> None:
    author = Person(name="A <B>\n", email="a@example.org")
    commits = {mirror.commit_edits(first, {"a": "1"}, "Change", at=AT, author=author) for _ in range(2)}
    assert len(commits) == 1
    found = mirror.commit(commits.pop())
    assert (found.author.name, found.committed_at) == ("A B", AT)


def test_an_edit_keeps_the_executable_bit(mirror: Mirror, first: str) -> None:
    sha = mirror.git.run("hash-object", "-w", "--stdin", given=b"#!/bin/sh\n").text
    tree = mirror.git.run("mktree", given=f"100755 blob {sha}\trun.sh\n".encode()).text
    commit = mirror.commit_tree(tree, [first], "Script", at=AT)
    assert mirror.files(committed(mirror, commit, {"run.sh": "#!/bin/bash\n"}))[0].mode == "100755"


@pytest.mark.parametrize("path", [".git/config", "../up", "a//b", "a/../b", ".GIT/hooks/x"])
def test_a_path_that_git_refuses_is_not_committed(mirror: Mirror, first: str, path: str) -> None:
    with pytest.raises(GitBroken):
        committed(mirror, first, {path: "x"})


def test_reading_what_is_not_there_says_so(mirror: Mirror, first: str) -> None:
    with pytest.raises(ObjectMissing, match="no file 'nix'"):
        mirror.read(first, "nix")
    with pytest.raises(ObjectMissing):
        mirror.commit("0" * 40)
    with pytest.raises(ObjectMissing):
        mirror.files("--help")
    with pytest.raises(ObjectMissing, match="no branch 'nix'"):
        mirror.require("nix")
    assert not mirror.has("f" * 40)


def test_changes_are_listed_with_modes_and_counts(mirror: Mirror, first: str) -> None:
    before = committed(mirror, first, {"a.txt": "1\n2\n3\n", "gone.txt": "x\n", "pic.bin": b"\x00" * 9})
    after = committed(
        mirror, before, {"a.txt": "1\n2b\n3\n4\n", "gone.txt": None, "pic.bin": b"\x00" * 8, "ä b.txt": "n"}
    )
    found = {file.path: file for file in mirror.changed_files(before, after)}
    assert {path: file.status for path, file in found.items()} == {
        "a.txt": "modified",
        "gone.txt": "deleted",
        "pic.bin": "modified",
        "ä b.txt": "added",
    }
    assert (found["a.txt"].additions, found["a.txt"].deletions) == (2, 1)
    assert found["pic.bin"].binary
    assert found["ä b.txt"].old_mode == "000000"
    assert mirror.changed_lines(before, after) == {"a.txt": frozenset({2, 4}), "ä b.txt": frozenset({1})}


def test_a_long_diff_is_cut_and_says_so(mirror: Mirror, first: str) -> None:
    lines = "".join(f"line {number}\n" for number in range(2000))
    after = committed(mirror, first, {"a.txt": lines, "b.txt": "short\n", "c.bin": b"\x00\x01", "d.txt": lines})
    shown = mirror.change(first, after, DiffLimits(characters=3000, file_characters=1500))
    assert shown.truncated
    assert "more lines of this file are not shown" in shown.text
    assert "1 more file(s) are not shown" in shown.text
    assert "Binary files" in shown.text
    assert len(shown.text) < 3300
    assert shown.verdict == "change: 4 file(s), +4001 -0"


def test_nothing_changed_is_an_empty_diff(mirror: Mirror, first: str) -> None:
    shown = mirror.change(first, first)
    assert (shown.text, shown.files, shown.truncated) == ("", (), False)


def test_diff_drivers_named_by_attributes_do_not_run(mirror: Mirror, first: str, tmp_path: Path) -> None:
    flag = tmp_path / "ran"
    mirror.git.run("config", "diff.evil.textconv", f"touch {flag};:")
    mirror.git.run("config", "diff.evil.command", f"touch {flag};:")
    after = committed(mirror, first, {".gitattributes": "* diff=evil\n", "a": "1\n"})
    assert "+1" in mirror.diff(first, after)
    assert not flag.exists()


def test_a_clean_merge_needs_no_work_tree(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"a": "1\n", "b": "1\n"})
    ours, theirs = committed(mirror, base, {"a": "2\n"}), committed(mirror, base, {"b": "2\n"})
    merged = mirror.merge_trees(ours, theirs)
    assert merged.clean
    assert merged.verdict == "merge: clean"
    assert mirror.read_many(merged.tree, ["a", "b"]) == {"a": b"2\n", "b": b"2\n"}


def test_conflicts_are_reported_with_their_paths(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {"a b": "1\n", "c": "1\n", "d": "same\n"})
    ours = committed(mirror, base, {"a b": "ours\n", "c": None, "d": "d1\n"})
    theirs = committed(mirror, base, {"a b": "theirs\n", "c": "theirs\n"})
    merged = mirror.merge_trees(ours, theirs)
    assert merged.conflicts == ("a b", "c")
    assert not merged.clean
    assert {detail.path for detail in merged.details if "CONFLICT" in detail.message} == {"a b", "c"}
    assert b"<<<<<<<" in mirror.read(merged.tree, "a b")
    assert merged.verdict == "merge: conflicts in a b, c"


def test_unrelated_histories_are_not_merged(mirror: Mirror, first: str) -> None:
    other = mirror.commit_tree(mirror.tree_of(first), [], "Elsewhere", at=AT + timedelta(days=1))
    with pytest.raises(GitBroken, match="share no history"):
        mirror.merge_trees(first, other)


def test_a_trailer_is_found_only_as_a_trailer(mirror: Mirror, first: str) -> None:
    talk = committed(mirror, first, {"a": "1"}, "Talk of\n\nRoadcrew-Task: T-1\n\nin the middle of a text")
    done = committed(mirror, talk, {"a": "2"}, "Do it\n\nRoadcrew-Task: T-10\nRoadcrew-Turn: x\n")
    mirror.push("main", done, first)
    assert mirror.find_trailer("main", "Roadcrew-Task", "T-10") == done
    assert mirror.find_trailer("main", "Roadcrew-Task", "T-1") is None
    assert mirror.find_trailer("main", "Roadcrew-Task", "T-10", since=done) is None
    assert mirror.find_trailer("nix", "Roadcrew-Task", "T-10") is None


def test_a_push_moves_the_branch_and_may_be_repeated(mirror: Mirror, first: str, tmp_path: Path) -> None:
    new = committed(mirror, first, {"a": "1"})
    mirror.push("main", new, first)
    mirror.push("main", new, first)
    other = Mirror(tmp_path / "other", mirror.url)
    other.fetch()
    assert other.head("main") == mirror.head("main") == new


def test_a_push_onto_a_moved_branch_is_refused(mirror: Mirror, first: str, tmp_path: Path) -> None:
    other = Mirror(tmp_path / "other", mirror.url)
    other.fetch()
    theirs, ours = committed(other, first, {"a": "theirs"}), committed(mirror, first, {"a": "ours"})
    other.push("main", theirs, first)
    with pytest.raises(PushRejected) as caught:
        mirror.push("main", ours, first)
    assert caught.value.reason == "moved"
    mirror.fetch()
    assert mirror.head("main") == theirs


def test_a_push_never_goes_back(mirror: Mirror, first: str) -> None:
    new, beside = committed(mirror, first, {"a": "1"}), committed(mirror, first, {"a": "2"})
    mirror.push("main", new, first)
    with pytest.raises(PushRejected, match="does not contain") as caught:
        mirror.push("main", beside, new)
    assert caught.value.reason == "moved"


def test_a_branch_is_created_once(mirror: Mirror, first: str) -> None:
    mirror.create_branch("feature/F-1", first)
    mirror.create_branch("feature/F-1", first)
    with pytest.raises(PushRejected) as caught:
        mirror.create_branch("feature/F-1", committed(mirror, first, {"a": "1"}))
    assert caught.value.reason == "moved"
    with pytest.raises(ObjectMissing, match="no name"):
        mirror.create_branch("a..b", first)


def test_a_rule_of_the_remote_is_told_from_other_refusals(mirror: Mirror, first: str, remote: Path) -> None:
    new = committed(mirror, first, {"a": "1"})
    hook(remote, "update", "echo 'GH006: Protected branch update failed' >&2; exit 1")
    with pytest.raises(PushRejected) as caught:
        mirror.push("main", new, first)
    assert caught.value.reason == "protected"
    hook(remote, "update", "echo 'no pushes on Fridays' >&2; exit 1")
    with pytest.raises(PushRejected, match="Fridays") as caught:
        mirror.push("main", new, first)
    assert caught.value.reason == "refused"
    assert mirror.head("main") == first


def test_a_remote_that_is_not_there_is_told_from_one_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="no repository"):
        Mirror(tmp_path / "one", str(tmp_path / "nix.git")).fetch()
    with pytest.raises(RemoteUnavailable):
        Mirror(tmp_path / "two", "http://127.0.0.1:9/x.git").fetch()


@pytest.mark.parametrize("url", ["ext::sh -c id", "git@github.com:a/b.git", "--upload-pack=x", "ssh://h/x", "a/b"])
def test_addresses_that_could_run_something_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(FetchFailed, match="no address"):
        Mirror(tmp_path / "mirror", url)


def test_an_address_with_a_password_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed) as caught:
        Mirror(tmp_path / "mirror", "https://me:s3cret@example.org/x.git")
    assert "s3cret" not in str(caught.value)


def test_a_bundle_carries_a_commit_to_another_mirror(mirror: Mirror, first: str, tmp_path: Path) -> None:
    commit = committed(mirror, first, {"a": "1"})
    data = mirror.bundle(first, commit)
    other = Mirror(tmp_path / "other", mirror.url)
    with pytest.raises(ObjectMissing, match="fetch the repository first"):
        other.unbundle(data)
    other.fetch()
    assert other.unbundle(data) == commit
    assert other.read(commit, "a") == b"1"
    assert mirror.bundle(first, commit) == data


@pytest.mark.parametrize("harm", [lambda d: d[:-10], lambda d: b"", lambda d: d.replace(b"v2", b"v9"), lambda d: d + d])
def test_a_harmed_bundle_is_refused(mirror: Mirror, first: str, harm: object) -> None:
    commit = committed(mirror, first, {"a": "1" * 100})
    assert callable(harm)
    with pytest.raises(GitBroken):
        mirror.unbundle(harm(mirror.bundle(None, commit)))


def test_a_bundle_with_a_hostile_tree_is_refused(mirror: Mirror, first: str, tmp_path: Path) -> None:
    source = Mirror(tmp_path / "source", str(new_remote(tmp_path / "other.git")))
    sha = source.git.run("hash-object", "-w", "--stdin", given=b"x").text
    raw = b"100644 .git\0" + bytes.fromhex(sha)
    tree = source.git.run("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=raw).text
    commit = source.commit_tree(tree, [], "Hostile", at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(GitBroken):
        mirror.unbundle(source.bundle(None, commit))


def test_threads_and_further_mirrors_of_one_folder_do_not_get_in_each_others_way(mirror: Mirror, first: str) -> None:
    def work(number: int) -> str:
        own = Mirror(mirror.folder, mirror.url)
        commit = committed(own, first, {f"f{number}": "x"})
        own.create_branch(f"task/{number}", commit)
        own.fetch()
        return commit

    with ThreadPoolExecutor(4) as pool:
        commits = list(pool.map(work, range(8)))
    expected = {f"task/{number}": commit for number, commit in enumerate(commits)}
    assert mirror.branches() == {"main": first, **expected}


def test_of_many_that_push_at_once_one_wins_and_the_others_hear_why(mirror: Mirror, first: str) -> None:
    def push(number: int) -> str:
        own = Mirror(mirror.folder.with_name(f"mirror-{number}"), mirror.url)
        own.fetch()
        try:
            own.push("main", committed(own, first, {"a": str(number)}), first)
        except PushRejected as error:
            return error.reason
        return "pushed"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(push, range(4))) == ["moved", "moved", "moved", "pushed"]
