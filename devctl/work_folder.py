"""A work folder that lies on this host: copying in and out of it."""

from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from devctl.errors import EnvironmentGone, PathRefused
from devctl.files import Budget, Copier, kind_of, open_below, parts_of


class WorkFolder:
    """The work folder of one environment; its files belong to the uid `owner`, or to the caller."""

    def __init__(self, path: Path, owner: int | None, megabytes: int) -> None:
        self._path = path
        self._owner = owner
        self._megabytes = megabytes

    @property
    def path(self) -> Path:
        """Where it lies; raises EnvironmentGone when it was removed."""
        if not self._path.is_dir():
            raise EnvironmentGone(f"the environment {self._path.parent.name} was stopped", "launch a new one")
        return self._path

    def put(self, source: Path, target: str) -> None:
        """Copy a file, or what a folder holds, into the folder."""
        copier = Copier(Budget(self._megabytes), owner=self._owner, keep_links_out=True)
        steps = parts_of(target)
        source = source.resolve()
        if source.is_dir():
            with self._made(steps) as made, open_below(source, ()) as read:
                copier.copy_contents(read, made, PurePosixPath())
            return
        if not source.is_file():
            raise PathRefused(f"{source} is no file or folder", "check the path")
        name = steps[-1] if steps else source.name
        with self._made(steps[:-1]) as made, open_below(source.parent, ()) as read:
            copier.copy(read, source.name, made, name, PurePosixPath(name))

    def get(self, source: str, target: Path) -> tuple[str, ...]:
        """Copy a file, or what a folder holds, out of the folder; returns what was left out."""
        copier = Copier(Budget(self._megabytes))
        steps = parts_of(source)
        with open_below(self.path, steps[:-1]) as parent:
            if not steps or kind_of(parent, steps[-1]) == "folder":
                target.mkdir(parents=True, exist_ok=True)
                with open_below(self.path, steps) as read, open_below(target.resolve(), ()) as made:
                    copier.copy_contents(read, made, PurePosixPath())
            else:
                place = target / steps[-1] if target.is_dir() else target
                place.parent.mkdir(parents=True, exist_ok=True)
                with open_below(place.parent.resolve(), ()) as made:
                    copier.copy(parent, steps[-1], made, place.name, PurePosixPath(place.name))
        return tuple(copier.left_out)

    def _made(self, steps: tuple[str, ...]) -> AbstractContextManager[int]:
        return open_below(self.path, steps, create=True, owner=self._owner)
