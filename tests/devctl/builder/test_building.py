"""Building on a real engine by each method that is here: tags, files, secrets, time-outs, cancelling."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from devctl.builder import BuildOptions, BuildStep
from devctl.errors import BuildFailed, BuildRefused, NoSuchImage
from devctl.sources.records import BuildPlan
from tests.devctl.builder.places import METHODS, base_for, builder_by, engine_image, needed, write_context


def shown(tag: str, *command: str) -> str:
    """What a command prints in a container of an image."""
    words = ["docker", "run", "--rm", "--network", "none", tag, *command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("method", METHODS)
def test_an_image_is_built_once_and_found_again(method: str, tmp_path: Path) -> None:
    dockerfile = f"FROM {base_for(method)}\nARG UNIQUE\nRUN echo $UNIQUE > /made\nCOPY . /in\n"
    files = {"Dockerfile": dockerfile, "kept": "yes", "left-out/big": "no", ".dockerignore": "left-out\n"}
    plan = write_context(tmp_path / "c", files)
    steps: list[BuildStep] = []
    with builder_by(method, tmp_path / "d") as builder:
        built = builder.build(plan, steps.append, BuildOptions(tag="devctl-test/mine:1", owner="ann"))
        assert built.method == method
        assert built.tags == (built.tag, "devctl-test/mine:1")
        assert plan.args["UNIQUE"] in shown(built.tag, "cat", "/made")
        assert sorted(shown(built.tag, "ls", "/in").split()) == ["Dockerfile", "kept"]
        assert {"started"} <= {step.state for step in steps}
        again = builder.build(plan, None, BuildOptions(tag="devctl-test/mine:2"))
        assert (again.method, again.tag, again.id) == ("found", built.tag, built.id)
        listed = next(image for image in builder.images() if image.id == built.id)
        assert {"devctl-test/mine:1", "devctl-test/mine:2"} <= set(listed.tags)
        assert listed.owner == "ann"
        (tmp_path / "c/left-out/big").write_text("changed")
        assert builder.build(plan).tag == built.tag
        (tmp_path / "c/kept").write_text("changed")
        assert builder.build(plan).tag != built.tag


@pytest.mark.parametrize("method", METHODS)
def test_a_failing_step_is_told_with_its_output(method: str, tmp_path: Path) -> None:
    dockerfile = f"FROM {base_for(method)}\nARG UNIQUE\nRUN echo the reason; exit 7\n"
    plan = write_context(tmp_path / "c", {"Dockerfile": dockerfile})
    with builder_by(method, tmp_path / "d") as builder, pytest.raises(BuildFailed) as caught:
        builder.build(plan)
    assert "the reason" in caught.value.log
    assert "7" in caught.value.message


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("how", ["cancelled", "late"])
def test_a_build_that_is_cut_short_ends(method: str, how: str, tmp_path: Path) -> None:
    dockerfile = f"FROM {base_for(method)}\nARG UNIQUE\nRUN sleep 94.5; echo $UNIQUE\n"
    plan = write_context(tmp_path / "c", {"Dockerfile": dockerfile})
    cancelled, begun = threading.Event(), threading.Event()

    def tell(step: BuildStep) -> None:
        if "sleep 94.5" in step.name and step.state == "started":
            begun.set()
            if how == "cancelled":
                cancelled.set()

    seconds = 600 if how == "cancelled" else 6
    with builder_by(method, tmp_path / "d") as builder:
        with pytest.raises(BuildFailed, match="cancelled" if how == "cancelled" else "did not build in 6 s"):
            builder.build(plan, tell, BuildOptions(seconds=seconds), cancelled)
        deadline = time.monotonic() + 20
        while (left := _sleepers()) and time.monotonic() < deadline:
            time.sleep(0.2)
    assert begun.is_set() or how == "late"
    assert not left


def _sleepers() -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == b"sleep\x0094.5\x00":
                found.append(entry.name)
        except OSError:
            continue
    return found


def test_a_secret_is_in_no_layer(tmp_path: Path) -> None:
    dockerfile = (
        f"FROM {base_for('buildkit')}\nARG UNIQUE\n"
        'RUN --mount=type=secret,id=token test "$(wc -c </run/secrets/token)" = 7 && echo $UNIQUE > /made\n'
    )
    plan = write_context(tmp_path / "c", {"Dockerfile": dockerfile})
    (tmp_path / "token").write_text("hunter2")
    with builder_by("buildkit", tmp_path / "d") as builder:
        built = builder.build(plan, None, BuildOptions(secrets={"token": tmp_path / "token"}))
        saved = subprocess.run(["docker", "save", built.tag], check=True, capture_output=True).stdout
    assert b"hunter2" not in saved


def test_a_secret_without_buildx_is_refused(tmp_path: Path) -> None:
    plan = write_context(tmp_path / "c", {"Dockerfile": f"FROM {engine_image()}\n"})
    (tmp_path / "token").write_text("x")
    with builder_by("classic", tmp_path / "d") as builder:
        with pytest.raises(BuildRefused, match="need buildx"):
            builder.build(plan, None, BuildOptions(secrets={"token": tmp_path / "token"}))
        with pytest.raises(BuildRefused, match="no file"):
            builder.build(plan, None, BuildOptions(secrets={"token": tmp_path / "absent"}))


@pytest.mark.parametrize("method", ["classic", "engine-buildkit"])
def test_a_plan_is_built_on_the_one_before_it(method: str, tmp_path: Path) -> None:
    first = write_context(
        tmp_path / "a", {"Dockerfile": f"FROM {engine_image()}\nARG UNIQUE\nRUN echo $UNIQUE >/first\n"}
    )
    inner = {"Dockerfile": "ARG DEVCTL_BASE=none\nFROM $DEVCTL_BASE\nRUN cp /first /second\n"}
    second = write_context(tmp_path / "b", inner).model_copy(update={"base": first})
    with builder_by(method, tmp_path / "d") as builder:
        built = builder.build(second)
        assert first.args["UNIQUE"] in shown(built.tag, "cat", "/second")


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    plan = write_context(tmp_path / "c", {"Dockerfile": f"FROM {engine_image()}\n", "big": "x" * 3_000_000})
    with builder_by("classic", tmp_path / "d") as builder:
        with pytest.raises(BuildRefused, match=r"2 MiB, more than 1"):
            builder.build(plan, None, BuildOptions(context_mb=1))
        with pytest.raises(BuildRefused, match="2 files, more than 1"):
            builder.build(plan, None, BuildOptions(context_files=1))
        with pytest.raises(BuildRefused, match="cannot be read"):
            builder.build(BuildPlan(context=tmp_path / "c", dockerfile=tmp_path / "c/None"))
        with pytest.raises(BuildRefused, match="outside the context"):
            builder.build(BuildPlan(context=tmp_path / "c", dockerfile=tmp_path / "Dockerfile"))
        with pytest.raises(BuildRefused, match="not built by devctl"):
            builder.remove(engine_image())
        with pytest.raises(NoSuchImage):
            builder.remove("devctl-test/never:was")


def test_a_registry_that_is_away_leaves_the_local_cache(tmp_path: Path) -> None:
    base = base_for("buildkit")
    dockerfile = f"FROM {base}\nARG UNIQUE\nRUN sleep 1; echo $UNIQUE > /made\nCOPY a /a\n"
    plan = write_context(tmp_path / "c", {"Dockerfile": dockerfile, "a": "1"})
    away = BuildOptions(cache="127.0.0.1:9/cache")
    with builder_by("buildkit", tmp_path / "d") as builder:
        built = builder.build(plan, None, away)
        assert "127.0.0.1:9 does not answer" in " ".join(built.notes)
        assert (Path(built.cache) / "index.json").is_file()
        (tmp_path / "c/a").write_text("2")
        steps: list[BuildStep] = []
        builder.build(plan, steps.append, away)
        assert [step.state for step in steps if "RUN sleep" in step.name] == ["cached"]
        caches = list((tmp_path / "d/build-cache").iterdir())
        assert [folder.name for folder in caches] == [Path(built.cache).name]
        removed = builder.sweep(max_age_days=1, max_mb=0)
        assert [words.split()[1] for words in removed] == [Path(built.cache).name]


def test_a_cache_in_the_registry_serves_a_builder_that_never_saw_the_image(tmp_path: Path) -> None:
    registry = needed("ROADCREW_TEST_REGISTRY")
    dockerfile = f"FROM {base_for('buildkit')}\nARG UNIQUE\nRUN echo $UNIQUE > /made\nCOPY a /a\nRUN cp /a /b\n"
    plan = write_context(tmp_path / "c", {"Dockerfile": dockerfile, "a": "1"})
    options = BuildOptions(cache=f"{registry}/cache")
    with builder_by("buildkit", tmp_path / "d") as builder:
        built = builder.build(plan, None, options)
        assert built.cache.startswith(f"{registry}/cache:")
        assert built.cached_steps <= 1, "only what it builds on can have been there"
        with pytest.raises(BuildRefused, match="lies where the image"):
            builder.build(plan, None, options.model_copy(update={"tag": f"{registry}/cache:x", "no_cache": True}))
    builds = subprocess.run(
        [needed("ROADCREW_TEST_BUILDX"), "prune", "--builder", "devctl-remote", "--force", "--all"],
        env={"BUILDX_CONFIG": str(tmp_path / "d/buildx"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Total" in builds.stdout
    with builder_by("buildkit", tmp_path / "e") as builder:
        assert builder.build(plan, None, options).cached_steps >= 3
