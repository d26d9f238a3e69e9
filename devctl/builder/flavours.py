"""The images that come along with devctl, as Dockerfiles in `ops/images`."""

from pathlib import Path

from devctl.errors import BuildRefused

_SUFFIX = ".Dockerfile"


def folder() -> Path:
    """Where they lie."""
    return Path(__file__).resolve().parents[2] / "ops" / "images"


def names() -> list[str]:
    """All flavours."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in folder().glob(f"*{_SUFFIX}"))


def dockerfile(name: str) -> Path:
    """The Dockerfile of a flavour; raises BuildRefused for a name that is none."""
    if name not in names():
        raise BuildRefused(f"{name!r} is no flavour", f"there are {', '.join(names()) or 'none in this installation'}")
    return folder() / f"{name}{_SUFFIX}"
