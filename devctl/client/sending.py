"""What of this machine a source stands for, when the environment is made by a service on another one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devctl.records import Record
from devctl.settings import DevctlSettings
from devctl.sources.cloning import clone
from devctl.sources.finding import name_from, recognise, workspace_of


class Sent(Record):
    """Files that go along with a source."""

    tree: Path
    """The folder that is sent."""
    path: str = "."
    """What of it is meant: the folder itself, or a Dockerfile or a devcontainer.json in it."""
    name: str
    """What an environment made of it is called where nobody says."""


@contextmanager
def files_of(source: str, settings: DevctlSettings) -> Iterator[Sent | None]:
    """The files of a source, as long as the block runs; None for an image.

    A repository is cloned here, with the rights of the caller's own git. Raises SourceInvalid and CloneFailed.
    """
    found = recognise(source)
    if found.kind == "git":
        cloned = clone(found.address, found.ref, settings)
        try:
            yield Sent(tree=cloned.folder, name=name_from(cloned.folder.name))
        finally:
            shutil.rmtree(cloned.folder.parent, ignore_errors=True)
    elif found.path is None:
        yield None
    else:
        file = None if found.path.is_dir() else found.path
        if found.kind == "devcontainer":
            tree = workspace_of(found.path)
        else:
            tree = found.path if file is None else found.path.parent
        inside = "." if file is None else os.path.relpath(file, tree)
        yield Sent(tree=tree, path=inside, name=name_from(tree.name))
