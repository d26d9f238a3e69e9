"""Cloning a repository with the caller's own git, and with nothing of the repository's that would run."""

import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from devctl.capture import Finished, Job, run
from devctl.errors import CloneFailed, SourceInvalid
from devctl.settings import DevctlSettings
from devctl.sources.records import Clone

log = logging.getLogger(__name__)

SECONDS = 600.0
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"(?!-)(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/+@-]*")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "submodule.recurse=false"),
    *("-c", "advice.detachedHead=false"),
)


def clone(address: str, ref: str | None, settings: DevctlSettings) -> Clone:
    """Clone the newest commit of a branch, a tag or the default branch, or one commit by its full hash.

    The caller's git brings its own credentials; an address that holds some is refused, as it would stay in the
    clone. Raises SourceInvalid and CloneFailed; the folder of the result is the caller's to remove.
    """
    check_address(address)
    if ref is not None and not _REF.fullmatch(ref):
        raise SourceInvalid(f"{ref!r} is no name of a branch, tag or commit", "write it after # or @")
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    top = Path(tempfile.mkdtemp(prefix="clone-", dir=settings.folder))
    name = address.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git") or "repository"
    folder = top / (name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) else "repository")
    done = False
    try:
        log.info("cloning %s", address)
        if ref is not None and _COMMIT.fullmatch(ref):
            _fetch_commit(address, ref, folder, settings)
        else:
            branch = ("--branch", ref) if ref else ()
            _git(settings, "clone", *_HOW, *branch, "--", address, str(folder), about=address)
        commit = _git(settings, "-C", str(folder), "rev-parse", "HEAD", about=address).text.strip()
        done = True
    finally:
        if not done:
            shutil.rmtree(top, ignore_errors=True)
    return Clone(address=address, ref=ref, commit=commit, folder=folder)


_HOW = ("--quiet", "--depth=1", "--single-branch", "--no-tags", "--no-local", "--template=", "--no-recurse-submodules")


def check_address(address: str) -> None:
    """Refuse protocols that run programs or travel in the open, and credentials in an address."""
    if address.startswith("/"):
        return
    if "://" not in address:
        return  # user@host:path, which git speaks over ssh
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise SourceInvalid(f"{address} is no address: {error}", "write https://host/owner/name") from error
    if parts.scheme not in ("https", "ssh", "file") and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SourceInvalid(
            f"{parts.scheme}:// is no way to clone that devctl takes: {address}", "use https, ssh or a local path"
        )
    if parts.password or (parts.username and parts.scheme in ("https", "http")):
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        raise SourceInvalid(
            f"the address {shown} came with credentials in it", "leave them to git's credential helper, or use ssh"
        )
    if (parts.hostname or "").startswith("-"):
        raise SourceInvalid(f"{address} names no host", "check the address")


def _fetch_commit(address: str, commit: str, folder: Path, settings: DevctlSettings) -> None:
    _git(settings, "init", "--quiet", "--template=", str(folder), about=address)
    inside = ("-C", str(folder))
    _git(settings, *inside, "remote", "add", "origin", address, about=address)
    _git(settings, *inside, "fetch", "--quiet", "--depth=1", "--no-tags", "origin", commit, about=address)
    _git(settings, *inside, "checkout", "--quiet", "--detach", commit, about=address)


def _git(settings: DevctlSettings, *words: str, about: str) -> Finished:
    allowed = "https:ssh:file:http" if urlsplit(about).scheme == "http" else "https:ssh:file"
    env = {"PATH": os.defpath, **settings.git_env, "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": allowed}
    finished = run(Job(argv=("git", *_SAFE, *words), env=env, seconds=SECONDS))
    if finished.exit_code != 0:
        text = finished.text.strip()
        why = f"it took over {SECONDS:g} s" if finished.timed_out else (text.splitlines() or ["no word from git"])[-1]
        raise CloneFailed(f"{about} cannot be cloned: {why}", text[-2000:], _hint(text))
    return finished


def _hint(text: str) -> str:
    if "could not read Username" in text or "Authentication failed" in text or "Permission denied" in text:
        return "your own git has no rights there: set up a credential helper or an ssh key"
    if "Remote branch" in text or "couldn't find remote ref" in text or "not our ref" in text:
        return "check the branch, tag or commit after # or @"
    return "check the address; `git ls-remote` with it must work"
