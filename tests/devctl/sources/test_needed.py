"""Which images an environment of a folder is made of is read from what lies in it."""

from pathlib import Path

import pytest

from devctl.errors import BuildRefused, SourceInvalid
from devctl.sources.needed import images_needed, tells_images


def written(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "images"),
    [
        ({}, ()),
        ({"Dockerfile": "FROM debian:12 AS one\nFROM one\nFROM python:3.12\n"}, ("debian:12", "python:3.12")),
        (
            {".devcontainer.json": '{"image": "node:22", /* a comment */}', "Dockerfile": "FROM debian:12\n"},
            ("node:22",),
        ),
        ({".devcontainer.json": '{"image": "Not An Image"}'}, ()),
        ({".devcontainer.json": "{}"}, ()),
        (
            {
                ".devcontainer/devcontainer.json": '{"build": {"dockerfile": "Dockerfile", "args": {"V": "13"}}}',
                ".devcontainer/Dockerfile": "ARG V=12\nFROM debian:$V\n",
                "Dockerfile": "FROM other:1\n",
            },
            ("debian:13",),
        ),
    ],
)
def test_devcontainer_wins_over_dockerfile_and_says_images_or_a_build(
    tmp_path: Path, files: dict[str, str], images: tuple[str, ...]
) -> None:
    assert images_needed(written(tmp_path, files)) == images


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({".devcontainer.json": '{"image": '}, SourceInvalid),
        ({".devcontainer.json": '{"build": {"dockerfile": "nowhere/Dockerfile"}}'}, SourceInvalid),
        ({".devcontainer.json": '{"build": {"dockerfile": "../../etc/passwd"}}'}, SourceInvalid),
        ({"Dockerfile": "ARG\nFROM x\n"}, BuildRefused),
    ],
)
def test_what_cannot_be_read_or_leads_out_is_refused(
    tmp_path: Path, files: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        images_needed(written(tmp_path, files))


def test_files_that_may_tell_are_known_by_their_names() -> None:
    told = (
        ".devcontainer.json",
        ".devcontainer/x/devcontainer.json",
        "Dockerfile",
        "a/b/dev.Dockerfile",
        "Dockerfile.ci",
    )
    assert all(map(tells_images, told))
    assert not any(map(tells_images, ("README.md", "src/devcontainer.jsonc", "dockerfile_parser.py", "Dockerfiles/x")))
