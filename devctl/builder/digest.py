"""What decides an image: the files that the build sees, the Dockerfile, its arguments and what it builds on."""

import hashlib
import io
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from devctl.builder.records import BuildOptions
from devctl.errors import BuildRefused
from devctl.hosts.docker_images import context_paths
from devctl.records import Record
from devctl.sources.records import BuildPlan

_BLOCK = 1 << 20


class Context(Record):
    """The files that a build sees."""

    folder: Path
    dockerfile: str
    """Relative to the folder."""
    paths: tuple[str, ...]
    bases: tuple[str, ...]
    """The images it builds on, as the Dockerfile names them."""
    size: int


def read_context(plan: BuildPlan, options: BuildOptions) -> Context:
    """Look at a context as its .dockerignore leaves it; raises BuildRefused when it is too large or not there."""
    try:
        dockerfile = plan.dockerfile.resolve().relative_to(plan.context.resolve())
        text = plan.dockerfile.read_bytes()
    except ValueError:
        raise BuildRefused(
            f"{plan.dockerfile} lies outside the context {plan.context}", "move it below, or build a wider context"
        ) from None
    except OSError as error:
        raise BuildRefused(
            f"{plan.dockerfile} cannot be read: {error.strerror}", "give the path of a Dockerfile"
        ) from error
    paths = context_paths(plan.context, _ignored(plan), dockerfile.as_posix())
    size = sum(_size(plan.context / path) for path in paths)
    hint = "name what the build does not need in .dockerignore"
    if size > options.context_mb * 2**20:
        raise BuildRefused(f"the context {plan.context} has {size >> 20} MiB, more than {options.context_mb}", hint)
    if len(paths) > options.context_files:
        raise BuildRefused(
            f"the context {plan.context} has {len(paths)} files, more than {options.context_files}", hint
        )
    return Context(
        folder=plan.context,
        dockerfile=dockerfile.as_posix(),
        paths=tuple(paths),
        bases=bases_of(text, plan.args),
        size=size,
    )


def bases_of(dockerfile: bytes, args: Mapping[str, str]) -> tuple[str, ...]:
    """The images that a Dockerfile builds on; stages of its own are not among them. Raises BuildRefused."""
    from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped] # no type information

    try:
        parser = DockerfileParser(fileobj=io.BytesIO(dockerfile), build_args=dict(args))
        stages = {
            words[2].lower()
            for step in parser.structure
            if step["instruction"] == "FROM" and len(words := step["value"].split()) == 3
        }
        images: list[str] = parser.parent_images
    except (ValueError, IndexError) as error:  # no UTF-8, or an ARG of nothing
        raise BuildRefused(
            f"the Dockerfile cannot be read: {error}",
            "save it as UTF-8, and write each ARG and ENV in a line of its own",
        ) from error
    return tuple(image for image in images if image and image.lower() not in stages and image != "scratch")


def digest_of(plan: BuildPlan, context: Context, options: BuildOptions, image_id: Callable[[str], str]) -> str:
    """The digest of all that decides an image; `image_id` says which image a name stands for at present."""
    digest = hashlib.sha256(b"devctl build 1")
    for part in (
        context.dockerfile,
        plan.target or "",
        *(f"{name}={value}" for name, value in sorted(plan.args.items())),
    ):
        _add(digest, part.encode())
    for base in context.bases:
        _add(digest, f"{base} {image_id(base)}".encode())
    for name in sorted(options.secrets):
        _add(digest, name.encode())  # not what is in it: BuildKit keeps that out of its cache, too
    for path in context.paths:
        _add_path(digest, context.folder / path, path)
    return digest.hexdigest()


def family_of(context: Context) -> str:
    """A digest that stays when files change: what builds on the same images may take each other's layers."""
    return hashlib.sha256("\n".join((context.dockerfile, *context.bases)).encode()).hexdigest()[:16]


def _ignored(plan: BuildPlan) -> list[str]:
    """The patterns of the Dockerfile's own .dockerignore, or of the context's."""
    for file in (plan.dockerfile.with_name(plan.dockerfile.name + ".dockerignore"), plan.context / ".dockerignore"):
        if file.is_file():
            lines = (line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
            return [line for line in lines if line and not line.startswith("#")]
    return []


def _size(path: Path) -> int:
    status = path.lstat()
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _add(digest: "hashlib._Hash", part: bytes) -> None:
    """Add a part with its length, so that no two lists of parts look alike."""
    digest.update(len(part).to_bytes(8, "big") + part)


def _add_path(digest: "hashlib._Hash", file: Path, path: str) -> None:
    status = file.lstat()
    _add(
        digest, f"{path} {stat.S_IFMT(status.st_mode)} {bool(status.st_mode & stat.S_IXUSR)}".encode("utf-8", "replace")
    )
    if stat.S_ISLNK(status.st_mode):
        _add(digest, os.fsencode(file.readlink()))
    elif stat.S_ISREG(status.st_mode):
        inner = hashlib.sha256()
        with file.open("rb") as source:
            while block := source.read(_BLOCK):
                inner.update(block)
        _add(digest, inner.digest())
