"""Tokens on the way to a real git server over HTTP."""

from pathlib import Path

import pytest

from tests.tools.code_host import Forge
from tests.tools.git_server import GitServer
from tests.tools.repositories import committed, new_remote, seeded
from tools.errors import FetchFailed, PushRejected, RemoteUnavailable
from tools.git import Mirror
from tools.gitrun import masked


@pytest.fixture
def url(git_server: GitServer, tmp_path: Path) -> str:
    """The address of an empty repository."""
    name = f"{tmp_path.name}.git"
    new_remote(git_server.folder / name)
    return f"{git_server.url}/{name}"


def test_the_token_reaches_the_server_and_no_file(url: str, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirror", url, token="writer")
    first = seeded(mirror)
    mirror.push("main", committed(mirror, first, {"a": "1"}), first)
    mirror.fetch()
    assert mirror.head("main") != first
    for file in (tmp_path / "mirror").rglob("*"):
        assert not file.is_file() or b"writer" not in file.read_bytes()


def test_a_token_that_may_only_read_is_told_so_at_the_push(url: str, tmp_path: Path) -> None:
    first = seeded(Mirror(tmp_path / "one", url, token="writer"))
    reader = Mirror(tmp_path / "two", url, token="reader")
    reader.fetch()
    with pytest.raises(PushRejected) as caught:
        reader.push("main", committed(reader, first, {"a": "1"}), first)
    assert caught.value.reason == "forbidden"


@pytest.mark.parametrize("token", [None, "wrong-token"])
def test_a_token_that_is_not_accepted_is_named_as_the_cause(url: str, tmp_path: Path, token: str | None) -> None:
    with pytest.raises(FetchFailed, match="does not let us read") as caught:
        Mirror(tmp_path / "mirror", url, token=token).fetch()
    assert "wrong-token" not in str(caught.value)


def test_the_token_goes_with_a_renamed_repository_and_to_no_other_host(
    git_server: GitServer, url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = seeded(Mirror(tmp_path / "one", url, token="writer"))
    git_server.moved["/renamed/"] = f"{git_server.url}/"
    renamed = Mirror(tmp_path / "two", url.replace(git_server.url, f"{git_server.url}/renamed"), token="reader")
    renamed.fetch()
    assert renamed.head("main") == first
    other = GitServer(tmp_path_factory.mktemp("other"))
    try:
        git_server.moved["/away/"] = f"{other.url}/"
        away = Mirror(tmp_path / "three", url.replace(git_server.url, f"{git_server.url}/away"), token="reader")
        with pytest.raises(FetchFailed, match=f"does not let us read.*{other.url}"):
            away.fetch()
        assert other.shown == []
    finally:
        other.close()
        git_server.moved.clear()


def test_a_missing_repository_is_no_right_question(git_server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="no repository"):
        Mirror(tmp_path / "mirror", f"{git_server.url}/nix.git", token="reader").fetch()


def test_a_busy_server_is_worth_another_try(git_server: GitServer, tmp_path: Path) -> None:
    with pytest.raises(RemoteUnavailable):
        Mirror(tmp_path / "mirror", f"{git_server.url}/busy/x.git", token="reader").fetch()


def test_secrets_are_masked_in_every_form() -> None:
    said = "https://x:tok+en@h/ tok+en tok%2Ben eC1hY2Nlc3MtdG9rZW46dG9rK2Vu"
    assert masked(said, "tok+en") == "https://***@h/ *** *** ***"


def test_the_local_forge_is_spoken_to_like_any_host(forge: Forge, tmp_path: Path) -> None:
    host = forge.new_repository()
    url = host.repository().clone_url
    mirror = Mirror(tmp_path / "mirror", url, token=forge.token("team"))
    mirror.fetch()
    assert mirror.default_branch() == "main"
    head = mirror.require("main")
    new = committed(mirror, head, {"a": "1"})
    mirror.create_branch("feature/F-1", new)
    mirror.push("main", new, head)
    assert host.branch_head("main") == host.branch_head("feature/F-1") == new
    rules = {"required_status_checks": None, "enforce_admins": True, "restrictions": None}
    reviews = {"required_pull_request_reviews": {"required_approving_review_count": 1}}
    forge.as_person("team", host, "PUT", "/branches/main/protection", {**rules, **reviews})
    with pytest.raises(PushRejected) as caught:
        mirror.push("main", committed(mirror, new, {"a": "2"}), new)
    assert caught.value.reason == "protected"
    reader = Mirror(tmp_path / "reader", url, token=forge.token("reader"))
    with pytest.raises(FetchFailed, match="may not see it"):
        reader.fetch()
    forge.as_person("team", host, "PUT", "/collaborators/reader", {"permission": "pull"})
    reader.fetch()
    with pytest.raises(PushRejected) as caught:
        reader.create_branch("mine", head)
    assert caught.value.reason == "forbidden"
