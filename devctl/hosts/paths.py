"""Paths inside kept environments, as people write them."""

from pathlib import PurePosixPath

from devctl.errors import PathRefused


def steps_of(path: str, workdir: str) -> tuple[str, ...]:
    """The steps of a path below the work folder; raises PathRefused for one outside and for `..`."""
    pure = PurePosixPath(path)
    if pure.is_absolute():
        if not pure.is_relative_to(workdir):
            raise PathRefused(f"the path {path!r} lies outside {workdir}", "give a path below the work folder")
        pure = pure.relative_to(workdir)
    if ".." in pure.parts or "\0" in path:
        raise PathRefused(f"the path {path!r} leads out of {workdir}", "give a path without '..'")
    return pure.parts
