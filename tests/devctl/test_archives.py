"""What containers and callers send as archives."""

import io
import tarfile
from pathlib import Path

import pytest

from devctl import archives
from devctl.errors import PathRefused
from devctl.files import Budget


def archive_of(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("notes.txt")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("length", [0, 100, 512 + 700])
def test_archive_that_breaks_off_is_refused_and_leaves_no_file(tmp_path: Path, length: int) -> None:
    cut = archive_of(b"x" * 2000)[:length]
    target = tmp_path / "got"
    with pytest.raises(PathRefused, match="no whole tar archive"):
        archives.receive(iter([cut]), target, Budget(1))
    assert not target.exists()


def test_whole_archive_of_one_file_is_that_file(tmp_path: Path) -> None:
    assert archives.receive(iter([archive_of(b"x" * 2000)]), tmp_path / "got", Budget(1)) == ()
    assert (tmp_path / "got").read_bytes() == b"x" * 2000
