"""Cloning with the caller's git, and with nothing of the repository's that would run."""

from pathlib import Path

import pytest

from devctl.errors import CloneFailed, SourceInvalid
from devctl.sources import resolve
from devctl.sources.cloning import check_address
from tests.devctl.sources.folders import DEFAULT_IMAGE, git, settings_in, write


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two branches, a tag and two commits."""
    folder = write(tmp_path / "origin", {"a.txt": "one"})
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "v1")
    git(folder, "checkout", "-qb", "dev/next")
    write(folder, {".devcontainer.json": {"image": "dev:1"}})
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "two")
    git(folder, "checkout", "-q", "main")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    return folder


def test_a_branch_a_tag_and_a_commit_are_cloned_without_their_history(repository: Path, tmp_path: Path) -> None:
    head = git(repository, "rev-parse", "dev/next")
    for ref, image in (("dev/next", "dev:1"), ("v1", DEFAULT_IMAGE), (head, "dev:1")):
        with resolve(f"{repository}#{ref}", settings=settings_in(tmp_path)) as resolved:
            assert resolved.clone is not None and resolved.tree is not None
            assert resolved.spec.image == image
            assert git(resolved.tree, "rev-list", "--count", "HEAD") == "1"
            assert resolved.clone.commit == git(resolved.tree, "rev-parse", "HEAD")
        assert not resolved.tree.exists()


def test_a_bare_repository_and_a_file_address_are_cloned(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "shop.git")
    for text in (str(tmp_path / "shop.git"), f"file://{tmp_path}/shop.git#main"):
        with resolve(text, settings=settings_in(tmp_path)) as resolved:
            assert (resolved.kind, resolved.spec.name) == ("git", "shop")


def test_nothing_of_the_repository_or_of_templates_runs(repository: Path, tmp_path: Path) -> None:
    told = tmp_path / "ran"
    script = f"#!/bin/sh\ntouch {told}\n"
    template = write(tmp_path / "template", {"hooks/post-checkout": script})
    (template / "hooks/post-checkout").chmod(0o755)
    write(repository, {".gitattributes": "* filter=evil\n", ".gitconfig": f'[filter "evil"]\nsmudge = touch {told}\n'})
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "three")
    write(tmp_path, {".gitconfig": f"[init]\ntemplateDir = {template}\n[core]\nhooksPath = {template}/hooks\n"})
    with resolve(f"{repository}#main", settings=settings_in(tmp_path)) as resolved:
        assert resolved.tree is not None
        assert not [path.name for path in (resolved.tree / ".git").glob("hooks/*")]
    assert not told.exists()


def test_a_failed_clone_says_what_git_said_and_leaves_nothing(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(CloneFailed, match="nowhere") as caught:
        resolve(f"{repository}#nowhere", settings=settings_in(tmp_path))
    assert "branch, tag or commit" in caught.value.hint
    assert not list((tmp_path / "devctl").glob("clone-*"))


@pytest.mark.parametrize("ref", ["-x", "--upload-pack=evil", "a..b", "a b", "$(x)"])
def test_a_ref_that_is_no_name_is_refused(ref: str, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match="no name of a branch"):
        resolve(f"{repository}#{ref}", settings=settings_in(tmp_path))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ext::sh -c evil", "no path that is there"),
        ("git://example.org/x", "no way to clone"),
        ("http://example.org/x", "no way to clone"),
        ("ftp://example.org/x", "no way to clone"),
        ("https://ada:s3cret@example.org/x", "credentials"),
        ("https://t0ken@example.org/x", "credentials"),
        ("ssh://-oProxyCommand=evil/x", "names no host|cannot be cloned"),
    ],
)
def test_ways_that_run_programs_or_show_secrets_are_refused(address: str, words: str, tmp_path: Path) -> None:
    with pytest.raises((SourceInvalid, CloneFailed), match=words) as caught:
        resolve(address, settings=settings_in(tmp_path))
    assert "s3cret" not in str(caught.value) and "t0ken" not in str(caught.value)


def test_usual_addresses_are_taken() -> None:
    for address in ("https://example.org/x", "ssh://git@example.org/x", "git@example.org:x", "/srv/x", "file:///srv/x"):
        check_address(address)
