"""The artifact store on real folders and on fsspec's store in memory."""

import contextlib
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.artifacts import ArtifactRef, ArtifactStore
from tools.errors import ArtifactCorrupt, ArtifactMissing, ArtifactsError, ArtifactsUnavailable


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    folder = tmp_path / "with space"
    url = folder.as_uri() if request.param == "file" else f"memory://{tmp_path.name}"
    return ArtifactStore(url)


def test_what_is_put_is_got_and_its_digest_is_told(store: ArtifactStore) -> None:
    ref = store.put("team/blog/F-1/plan.json", b"{}")
    assert ref == ArtifactRef(
        url=f"{store.url}/team/blog/F-1/plan.json", sha256=hashlib.sha256(b"{}").hexdigest(), size=2
    )
    assert store.get(ref) == b"{}"
    assert store.read("team/blog/F-1/plan.json") == b"{}"
    assert store.exists("team/blog/F-1/plan.json")
    assert not store.exists("team/blog/F-1")


def test_a_file_is_put_like_its_bytes(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "big.bundle"
    source.write_bytes(b"0123456789" * 300_000)
    ref = store.put("big.bundle", source)
    assert ref.size == 3_000_000
    assert store.get(ref) == source.read_bytes()


def test_putting_again_replaces(store: ArtifactStore) -> None:
    old, new = store.put("a", b"old"), store.put("a", b"new")
    assert store.get(new) == b"new"
    with pytest.raises(ArtifactCorrupt, match=old.sha256):
        store.get(old)


def test_versions_of_a_path_stay_readable(store: ArtifactStore) -> None:
    first = store.put_version("features/F-1/plan.json", b"one")
    second = store.put_version("features/F-1/plan.json", b"two")
    assert (store.get(first), store.get(second)) == (b"one", b"two")
    assert store.put_version("features/F-1/plan.json", b"one") == first
    assert first.url.startswith(f"{store.url}/features/F-1/plan-")
    assert first.url.endswith(".json")


def test_what_is_not_there_is_missing(store: ArtifactStore) -> None:
    store.put("there", b"")
    with pytest.raises(ArtifactMissing, match="not/there"):
        store.read("not/there")
    foreign = ArtifactRef(url="file:///elsewhere/x", sha256="0" * 64, size=1)
    with pytest.raises(ArtifactMissing, match="does not lie in the store"):
        store.get(foreign)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", "a\\..\\b", "a\x00b", "a\nb", " a", "*"],
)
def test_paths_that_lead_out_are_refused(store: ArtifactStore, path: str) -> None:
    with pytest.raises(ArtifactsError, match="no artifact path"):
        store.put(path, b"x")
    with pytest.raises(ArtifactsError, match="no artifact path"):
        store.read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(alphabet="ab./\\~ %:", max_size=12))
def test_no_path_leaves_the_folder(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    with contextlib.suppress(ArtifactsError):
        ArtifactStore(root.as_uri()).put(path, b"x")
    outside = {entry.name for entry in tmp_path.iterdir()}
    assert outside <= {"root"}


def test_a_link_out_of_the_store_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "door").symlink_to(outside)
    with pytest.raises(ArtifactsError, match="through a link"):
        ArtifactStore(root.as_uri()).put("door/x", b"x")
    assert not list(outside.iterdir())


def test_a_store_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactsUnavailable, match="cannot write artifact"):
        ArtifactStore((tmp_path / "file").as_uri()).put("x", b"x")


def test_an_unknown_kind_of_url_is_unavailable() -> None:
    with pytest.raises(ArtifactsUnavailable, match="nosuch://there cannot be used"):
        ArtifactStore("nosuch://there").put("x", b"x")


FILL = """
import resource, signal, sys
from tools.artifacts import ArtifactStore
from tools.errors import DiskFull
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = ArtifactStore(sys.argv[1])
kept = store.put("kept", b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for name in ("kept", "new"):
    try:
        store.put(name, b"x" * 5000)
    except DiskFull as error:
        print(error.hint)
assert store.get(kept) == b"old"
"""


def test_no_room_is_said_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    # A limit on the size of files gives the same failing write as a full disk, without filling one.
    root = tmp_path / "root"
    done = subprocess.run(
        [sys.executable, "-c", FILL, root.as_uri()], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nothing half-written") == 2
    assert [entry.name for entry in root.iterdir()] == ["kept"]


def test_passwords_in_the_stores_url_are_not_shown() -> None:
    with pytest.raises(ArtifactsUnavailable) as caught:
        ArtifactStore("nosuch://user:secret@there/x").put("x", b"x")
    assert "secret" not in str(caught.value)
