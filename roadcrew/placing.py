"""Which repository a run is about, on which code host, and which issue of it."""

from __future__ import annotations

import logging
import re
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from roadcrew.assembly import Office
from roadcrew.errors import Conflict, InputInvalid, NotFound
from roadcrew.local_people import Identity, repository_name
from tools.codehost import CodeHost, CodeHostSettings
from tools.errors import ToolsError
from tools.gitrun import Git
from tools.mirror import Mirror

logger = logging.getLogger(__name__)

TITLE_LIMIT = 120
BODY_LIMIT = 60_000
"""Characters; the code host takes 65,536."""
WRITE = {"permission": "push"}


class Place(NamedTuple):
    """A repository on a code host, and the person's own folder where it came from one."""

    repository: str
    folder: Path | None


def place_of(office: Office, given: str) -> Place:
    """Return where a repository given as a path or URL is worked on.

    With a token for a code host, its own URLs and checkouts of them are worked on there; everything else is copied
    to the local forge, the given repository itself is only read.
    """
    folder = _local(given)
    if folder is not None:
        git_folder = _git_folder(folder)
        hosted = None if office.host.is_local else _hosted_name(office, _origin(git_folder))
        return (
            Place(hosted, folder) if hosted else Place(_copy(office, str(git_folder), repository_name(folder)), folder)
        )
    if "://" not in given and not re.match(r"^[\w.-]+@[\w.-]+:", given):
        raise NotFound(f"there is no folder {given!r}", "give the path of a git repository, or its URL")
    try:
        path = urlsplit(given).path
    except ValueError as fault:
        raise InputInvalid(f"{given!r} is no address: {fault}", "write it as https://host/owner/name") from fault
    hosted = None if office.host.is_local else _hosted_name(office, given)
    return Place(hosted or _copy(office, given, repository_name(Path(path))), None)


def watched(office: Office) -> tuple[str, ...]:
    """Return the repositories that the settings name for new issues, and the one whose checkout we were called in."""
    named, folder = office.settings.code_host.repositories, office.settings.repository
    if folder is None or office.host.is_local:
        return named
    try:
        here = _hosted_name(office, _origin(_git_folder(folder)))
    except NotFound:
        return named
    return named if here is None else (*named, here)


def _local(given: str) -> Path | None:
    """What lies at a path, if anything does."""
    try:
        folder = Path(given).expanduser()
        return folder if folder.exists() else None
    except (OSError, RuntimeError):  # too long for a name; no such user
        return None


def issue_of(office: Office, repository: str, given: str) -> int:
    """Return the number of the issue given as its number, or file a new one with the given text."""
    text = given.strip()
    if re.fullmatch(r"#?\d{1,9}", text):
        number = int(text.lstrip("#"))
        office.crew.desk(repository).host.issue(number)
        return number
    if not text:
        raise InputInvalid("the issue is empty", "say what should be different when it is done")
    host = person_host(office, repository) if office.people else office.crew.desk(repository).host
    title, _, body = text.partition("\n")
    if len(title) > TITLE_LIMIT:
        title, body = title[: TITLE_LIMIT - 1] + "…", text
    if len(body) > BODY_LIMIT:
        raise InputInvalid(
            f"the issue has {len(body):,} characters, the code host takes {BODY_LIMIT:,}",
            "say it shorter, and put long material into the repository",
        )
    return host.create_issue(title, body.strip(), labels=[office.crew.settings.label]).number


def person_host(office: Office, repository: str) -> CodeHost:
    """Return the local forge as the person at the keyboard uses it."""
    if office.people is None:
        raise NotFound("only the local forge has an identity for you", "use your own account on the code host")
    return _host_as(office, office.people.person(), repository)


def bring_home(place: Place, mirror: Mirror, branch: str) -> bool:
    """Fetch the delivered branch into the person's repository as a branch of the same name; nothing else changes.

    False when there is no folder, or when a branch of that name there has gone another way.
    """
    if place.folder is None or (head := mirror.head(branch)) is None:
        return False
    git = Git(_git_folder(place.folder))
    try:
        git.run(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(mirror.folder), f"{head}:refs/heads/{branch}"
        )
    except ToolsError as fault:
        logger.warning("the branch %s was not brought into %s: %s", branch, place.folder, fault)
        return False
    return True


def _copy(office: Office, source: str, name: str) -> str:
    """Bring a repository's default branch to the local forge, or up to date there; return its full name."""
    if office.people is None:
        raise InputInvalid(
            f"{source} is not on {office.host.api_url}",
            "give a repository of that code host, or unset GITHUB_TOKEN to work on the local forge",
        )
    person, team = office.people.person(), office.people.team()
    repository = f"{person.login}/{name}"
    host = _host_as(office, person, repository)
    info = host.ensure_repository(private=False)
    host.add_collaborator(team.login, "push")
    with tempfile.TemporaryDirectory(prefix="roadcrew-copy-") as folder:
        mirror = Mirror(Path(folder) / "copy.git", source, branches=())
        branch = mirror.default_branch() or "main"
        mirror.fetch(branch)
        head = mirror.head(branch) or _first_commit(mirror)
        there = host.branch_head(info.default_branch)
        forge = Mirror(Path(folder) / "forge.git", info.clone_url, person.token, branches=(info.default_branch,))
        if there is None:
            forge.unbundle(mirror.bundle(None, head))
            forge.push(info.default_branch, head, None)
        elif there != head:
            _bring_up_to_date(forge, mirror, info.default_branch, head, there)
    return repository


def _bring_up_to_date(forge: Mirror, mirror: Mirror, branch: str, head: str, there: str) -> None:
    """Move the forge's branch on to the repository's head; work merged there that the repository lacks stays."""
    forge.fetch()
    forge.unbundle(mirror.bundle(None, head))
    if forge.is_ancestor(head, there):
        return
    if not forge.is_ancestor(there, head):
        raise Conflict(
            f"{branch} on the local forge and in your repository have both moved on",
            "pull the forge's branch into your repository first",
        )
    forge.push(branch, head, there)


def _first_commit(mirror: Mirror) -> str:
    """Store an empty first commit: a branch and a pull request need something to start from."""
    tree = mirror.git.run("hash-object", "-t", "tree", "-w", "--stdin").text.strip()
    return mirror.commit_tree(tree, (), "Begin the repository")


def _host_as(office: Office, identity: Identity, repository: str) -> CodeHost:
    return CodeHost(CodeHostSettings(api_url=office.host.api_url, token=identity.token, repository=repository))


def _git_folder(folder: Path) -> Path:
    """Return the git directory of a checkout or a bare repository; a linked work tree is followed."""
    marked = folder / ".git"
    if marked.is_dir():
        return marked.resolve()
    if marked.is_file():
        return (folder / marked.read_text().removeprefix("gitdir:").strip()).resolve()
    if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
        return folder.resolve()
    raise NotFound(f"{folder} is no git repository", "run `git init` there and commit what you have")


def _origin(git_folder: Path) -> str:
    output = Git(git_folder).run("config", "--get", "remote.origin.url", accept=(0, 1))
    return str(output.text.strip())


def _hosted_name(office: Office, url: str) -> str | None:
    """Return `owner/name` of a URL on the configured code host, else None."""
    match = re.match(r"^(?:https?://|ssh://)?(?:[^@/]+@)?([^/:]+)[:/](?:\d+/)?([\w.-]+/[\w.-]+?)(?:\.git)?/?$", url)
    if match is None:
        return None
    host = (urlsplit(office.host.api_url).hostname or "").removeprefix("api.")
    return match[2] if match[1].lower() == host.lower() else None
