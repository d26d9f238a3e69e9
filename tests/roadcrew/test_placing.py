"""Where a run takes place: names of repositories on a host, folders, issues by number."""

from dataclasses import replace
from pathlib import Path

import pytest

from roadcrew.assembly import Desks
from roadcrew.edges import CodeHostEnd
from roadcrew.errors import InputInvalid, NotFound
from roadcrew.local_people import repository_name
from roadcrew.placing import _hosted_name, bring_home, issue_of, place_of
from tests.e2e.conftest import git, new_repository
from tests.e2e.crewmates import crewmates
from tests.e2e.offices import MakeOffice
from tools.errors import CodeHostNotFound


@pytest.mark.parametrize(
    ("api", "url", "name"),
    [
        ("https://api.github.com", "https://github.com/ann/shop.git", "ann/shop"),
        ("https://api.github.com", "https://github.com/ann/shop", "ann/shop"),
        ("https://api.github.com", "https://github.com/ann/shop/", "ann/shop"),
        ("https://api.github.com", "https://token@GitHub.com/ann/shop.git", "ann/shop"),
        ("https://api.github.com", "git@github.com:ann/shop.git", "ann/shop"),
        ("https://api.github.com", "ssh://git@github.com/ann/shop.git", "ann/shop"),
        ("https://api.github.com", "ssh://git@github.com:22/ann/shop.git", "ann/shop"),
        ("https://ghe.example.org/api/v3", "https://ghe.example.org/ann/shop.git", "ann/shop"),
        ("https://ghe.example.org/api/v3", "https://ghe.example.org:8443/ann/my.shop.git", "ann/my.shop"),
        ("https://api.github.com", "https://github.com.evil.org/ann/shop", None),
        ("https://api.github.com", "https://evil.org/github.com/ann/shop", None),
        ("https://api.github.com", "https://github.com/ann", None),
        ("https://api.github.com", "/srv/github.com/ann/shop", None),
        ("https://api.github.com", "", None),
    ],
)
def test_names_on_the_code_host(office: MakeOffice, api: str, url: str, name: str | None) -> None:
    opened = replace(office(crewmates()).office, host=CodeHostEnd(api, "t", is_local=False))
    assert _hosted_name(opened, url) == name


def test_what_is_no_repository_is_said(office: MakeOffice, tmp_path: Path) -> None:
    opened = office(crewmates()).office
    with pytest.raises(NotFound, match="is no git repository") as caught:
        place_of(opened, str(tmp_path))
    assert "git init" in caught.value.hint
    with pytest.raises(NotFound, match="there is no folder 'no/such/folder'"):
        place_of(opened, "no/such/folder")


def test_an_issue_is_named_by_its_number_or_filed(office: MakeOffice, repository: Path) -> None:
    opened = office(crewmates()).office
    place = place_of(opened, str(repository))
    filed = issue_of(opened, place.repository, "Averages\n\nOf prices.")
    host = opened.crew.desk(place.repository).host
    assert (host.issue(filed).title, host.issue(filed).body) == ("Averages", "Of prices.")
    assert host.issue(filed).labels == ("roadcrew",)
    assert issue_of(opened, place.repository, f" #{filed} ") == filed
    with pytest.raises(CodeHostNotFound):
        issue_of(opened, place.repository, "77")
    long = issue_of(opened, place.repository, "word " * 60)
    assert len(host.issue(long).title) <= 120
    assert "word " * 59 in host.issue(long).body


def test_a_linked_work_tree_and_an_empty_repository_are_taken(
    office: MakeOffice, repository: Path, tmp_path: Path
) -> None:
    opened = office(crewmates()).office
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "other")
    assert place_of(opened, str(tmp_path / "linked")).repository.endswith("/linked")
    empty = tmp_path / "empty-one"
    empty.mkdir()
    git(empty, "init", "--quiet")
    place = place_of(opened, str(empty))
    assert opened.crew.desk(place.repository).host.branch_head("main") is not None


def test_a_copy_that_moved_on_follows_and_work_on_the_forge_stays(office: MakeOffice, repository: Path) -> None:
    opened = office(crewmates()).office
    host = opened.crew.desk(place_of(opened, str(repository)).repository).host
    git(repository, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "Two")
    place_of(opened, str(repository))
    assert host.branch_head("main") == git(repository, "rev-parse", "HEAD")
    git(repository, "reset", "--quiet", "--hard", "HEAD~1")
    place_of(opened, str(repository))
    assert host.branch_head("main") != git(repository, "rev-parse", "HEAD")


def test_a_branch_of_the_same_name_is_left_alone(office: MakeOffice, repository: Path) -> None:
    opened = office(crewmates()).office
    place = place_of(opened, str(repository))
    mirror = opened.crew.desk(place.repository).mirror
    mirror.fetch()
    mirror.create_branch("feature/F-1", mirror.commit_edits(mirror.require("main"), {"a": "b"}, message="a"))
    git(repository, "checkout", "--quiet", "-b", "feature/F-1")
    git(repository, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", "Mine")
    mine = git(repository, "rev-parse", "HEAD")
    assert not bring_home(place, mirror, "feature/F-1")
    assert git(repository, "rev-parse", "feature/F-1") == mine
    assert not bring_home(place, mirror, "no-such-branch")


@pytest.mark.parametrize(("folder", "name"), [("my shop!", "my-shop"), ("shop.git", "shop"), ("...", "repository")])
def test_names_of_folders_become_names_of_repositories(tmp_path: Path, folder: str, name: str) -> None:
    place = tmp_path / "x" / folder if folder != "..." else tmp_path / "…"
    assert repository_name(place) == name


def test_a_folder_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputInvalid, match="too long"):
        repository_name(tmp_path / ("x" * 101))


def test_desks_of_repositories_are_kept_up_to_a_bound_and_their_connections_closed(
    office: MakeOffice, tmp_path: Path
) -> None:
    opened = office(crewmates()).office
    names = [
        place_of(opened, str(new_repository(tmp_path / f"r{number}", {"a": "b"}))).repository for number in range(3)
    ]
    with Desks(opened.settings, opened.workspace, opened.host, opened.people, most=2) as desks:
        first, second = desks(names[0]), desks(names[1])
        assert desks(names[0]) is first
        third = desks(names[2])
        assert (desks(names[0]), desks(names[2])) == (first, third), "what was asked for last is kept"
        assert desks(names[1]) is not second
        assert second.host.repository().default_branch == "main", "who still holds one may go on with it"
