"""A program says which images will be needed; what it says wrongly does no harm."""

import os
from collections.abc import Sequence

import pytest

from devctl.hosts.images import MOST_IMAGES, wanted_images

ENV = {"PATH": os.environ["PATH"]}


def test_names_are_taken_a_line_each_and_other_lines_passed_over() -> None:
    said = "printf '%s\\n' 'debian:12' '' 'looking at the roadmap ...' ' host:5000/team/tools:1 ' 'Not An Image' '-x'"
    assert wanted_images(("sh", "-c", said), ENV) == ["debian:12", "host:5000/team/tools:1"]


def test_no_more_are_taken_than_hosts_should_fetch() -> None:
    said = "for i in $(seq 1000); do echo image:$i; done"
    assert wanted_images(("sh", "-c", said), ENV) == [f"image:{number}" for number in range(1, MOST_IMAGES + 1)]


@pytest.mark.parametrize("program", [(), ("no-such-program",), ("sh", "-c", "echo debian:12; exit 3")])
def test_a_program_that_is_not_there_or_fails_names_none(
    program: Sequence[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert wanted_images(program, ENV) == []
    assert bool(program) == bool(caplog.messages)
