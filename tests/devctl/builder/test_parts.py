"""The builder's parts without an engine: digests, bases, caches, progress."""

import base64
import contextlib
import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.builder import BuildOptions, BuildStep, caches
from devctl.builder.digest import bases_of, digest_of, read_context
from devctl.builder.progress import BuildxProgress, ClassicProgress
from devctl.errors import BuildRefused
from devctl.sources.records import BuildPlan
from devctl.wizard import lint


def digest(folder: Path, image_id: str = "sha256:1", **plan: object) -> str:
    built = BuildPlan.model_validate({"context": folder, "dockerfile": folder / "Dockerfile", **plan})
    return digest_of(built, read_context(built, BuildOptions()), BuildOptions(), lambda _: image_id)


def test_all_that_decides_an_image_changes_its_digest_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:12\nCOPY . /\n")
    (tmp_path / "a").write_text("1")
    first = digest(tmp_path)
    seen = {first}
    os.utime(tmp_path / "a", (1, 1))
    assert digest(tmp_path) == first
    seen |= {digest(tmp_path, "sha256:2"), digest(tmp_path, args={"A": "1"}), digest(tmp_path, target="x")}
    (tmp_path / "a").chmod(0o755)
    seen.add(digest(tmp_path))
    (tmp_path / "a").rename(tmp_path / "b")
    seen.add(digest(tmp_path))
    (tmp_path / "c").symlink_to("b")
    seen.add(digest(tmp_path))
    (tmp_path / ".dockerignore").write_text("c\n")
    before = digest(tmp_path)
    seen.add(before)
    assert len(seen) == 8
    (tmp_path / "c").unlink()
    assert digest(tmp_path) == before


def test_a_dockerfile_may_have_an_ignore_list_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\n")
    (tmp_path / "a").write_text("1")
    (tmp_path / "Dockerfile.dockerignore").write_text("*\n!b*\n")
    (tmp_path / ".dockerignore").write_text("# nothing\n")
    plan = BuildPlan(context=tmp_path, dockerfile=tmp_path / "Dockerfile")
    assert read_context(plan, BuildOptions()).paths == (".dockerignore", "Dockerfile")


@pytest.mark.parametrize(
    ("dockerfile", "args", "bases"),
    [
        ("FROM debian:12\n", {}, ("debian:12",)),
        ("ARG V=12\nFROM debian:$V AS one\nFROM one\nFROM scratch\n", {}, ("debian:12",)),
        ("ARG DEVCTL_BASE=x\nFROM ${DEVCTL_BASE}\n", {"DEVCTL_BASE": "mine:1"}, ("mine:1",)),
        ("FROM --platform=linux/amd64 host:5000/a/b@sha256:00 as x\n", {}, ("host:5000/a/b@sha256:00",)),
    ],
)
def test_the_images_that_a_dockerfile_builds_on(dockerfile: str, args: dict[str, str], bases: tuple[str, ...]) -> None:
    assert bases_of(dockerfile.encode(), args) == bases


@pytest.mark.parametrize("dockerfile", [b"\xa2\xff", b"ARG\nFROM a\n", b"ARG A=b C\nFROM a\n"])
def test_a_dockerfile_that_cannot_be_read_is_refused(dockerfile: bytes) -> None:
    with pytest.raises(BuildRefused, match="cannot be read"):
        bases_of(dockerfile, {})


WORDS = (
    *("FROM", "from", "ARG", "ARG A=b", "ARG A", "AS", "one", "ENV a", "LABEL", "COPY --from=0 a b", "RUN [", "EXPOSE"),
    *(
        "debian:12",
        "${A}",
        "${",
        "$",
        "--platform=",
        "=",
        "\n",
        "\\\n",
        "# escape=`\n",
        "`\n",
        '"',
        "'",
        "<<E\n",
        "\x00",
        "é",
    ),
)


@given(st.lists(st.sampled_from(WORDS), max_size=10))
def test_no_dockerfile_is_too_odd_for_bases_and_lint(words: list[str]) -> None:
    text = " ".join(words).replace("\n ", "\n")
    with contextlib.suppress(BuildRefused):
        bases_of(text.encode(), {})
    lint(text)


@contextmanager
def answering(status: int) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.mark.parametrize(("status", "away"), [(200, False), (401, False), (404, True), (502, True)])
def test_a_registry_is_there_when_it_answers_as_one(status: int, away: bool) -> None:
    with answering(status) as host:
        assert bool(caches.registry_away(f"{host}/cache")) == away
    assert "does not answer" in caches.registry_away(f"{host}/cache")


def test_the_registry_of_a_reference_is_its_first_part() -> None:
    assert caches.registry_host("ghcr.io/a/b:1") == "ghcr.io"
    assert caches.registry_host("localhost/a") == "localhost"
    assert caches.registry_host("me/cache") == caches.registry_host("cache") == "registry-1.docker.io"


def test_the_cache_has_its_arguments_and_never_the_images_place() -> None:
    plan = caches.registry_plan("h:1/cache", "d" * 64, "family", ("h:1/app:1",))
    assert plan.place == "h:1/cache:" + "d" * 32
    assert "type=registry,ref=h:1/cache:family" in plan.arguments
    assert all("mode=max,ignore-error=true" in one for one in plan.arguments if "image-manifest" in one)
    with pytest.raises(BuildRefused, match="repository of its own"):
        caches.registry_plan("h:1/app", "d" * 64, "family", ("h:1/app:1",))


def test_a_local_cache_takes_the_old_ones_place_only_when_the_build_ended_well(tmp_path: Path) -> None:
    for content in ("old", "new"):
        plan = caches.local_plan(tmp_path / "c", "f", ())
        with caches.rotated(plan):
            assert plan.folder is not None
            plan.folder.mkdir()
            (plan.folder / "index.json").write_text(content)
    assert (tmp_path / "c/f/index.json").read_text() == "new"
    assert f"type=local,src={tmp_path / 'c/f'}" in caches.local_plan(tmp_path / "c", "f", ()).arguments
    plan = caches.local_plan(tmp_path / "c", "f", ())
    with pytest.raises(ZeroDivisionError), caches.rotated(plan):
        assert plan.folder is not None
        plan.folder.mkdir()
        raise ZeroDivisionError
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["f"]
    assert (tmp_path / "c/f/index.json").read_text() == "new"


def test_sweeping_goes_by_age_then_by_size(tmp_path: Path) -> None:
    for days, name in enumerate(("newest", "newer", "older", "ancient")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "blob").write_bytes(b"x" * 2**20)
        stamp = time.time() - (days * 86_400 if name != "ancient" else 99 * 86_400) - 60
        os.utime(tmp_path / name, (stamp, stamp))
    (tmp_path / ".being-written").mkdir()
    assert [name for name, _ in caches.sweep(tmp_path, 14, 2)] == ["ancient", "older"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".being-written", "newer", "newest"]
    assert caches.sweep(tmp_path / "none") == []


def vertex(**fields: object) -> bytes:
    return json.dumps({"vertexes": [{"digest": "d", "name": "[1/2] RUN x", **fields}]}).encode()


def test_buildkits_messages_become_steps() -> None:
    steps: list[BuildStep] = []
    progress = BuildxProgress(steps.append)
    at = "2026-01-01T00:00:0{}.5Z"
    for line in (vertex(), vertex(started=at.format(0)), vertex(started=at.format(0), completed=at.format(2))):
        progress.line(line)
    progress.line(json.dumps({"logs": [{"vertex": "d", "data": base64.b64encode(b"words\n").decode()}]}).encode())
    progress.line(json.dumps({"vertexes": [{"digest": "e", "name": "[2/2] COPY", "cached": True}]}).encode())
    progress.line(json.dumps({"vertexes": [{"digest": "f", "name": "[internal] x", "error": "broken"}]}).encode())
    progress.line(b"ERROR: plain words")
    assert [(step.name, step.state) for step in steps] == [
        ("[1/2] RUN x", "started"), ("[1/2] RUN x", "done"), ("[1/2] RUN x", "output"),
        ("[2/2] COPY", "cached"), ("[internal] x", "failed"),
    ]  # fmt: skip
    assert steps[1].seconds == 2.0
    assert (progress.steps, progress.cached_steps, progress.error) == (2, 1, "broken")
    assert "words" in progress.log
    assert "plain words" in progress.log


@given(st.binary(max_size=200))
def test_no_line_breaks_the_reading(line: bytes) -> None:
    BuildxProgress(lambda _: None).line(line)


def test_the_old_builders_messages_become_steps() -> None:
    steps: list[BuildStep] = []
    progress = ClassicProgress(steps.append)
    for text in ("Step 1/2 : FROM x\n", " ---> 0123\n", "Step 2/2 : RUN y\n", " ---> Using cache\n", "hello\n"):
        progress.message({"stream": text})
    assert [step.state for step in steps] == ["started", "started", "cached", "output"]
    assert (progress.steps, progress.cached_steps) == (2, 1)
