"""Features: options, order, the context that installs them, and those of a registry."""

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl.errors import SourceInvalid
from devctl.sources.feature_registry import unpack
from devctl.sources.features import Feature, base_of, in_order, variable_of
from tests.devctl.sources.folders import follow


def feature(name: str, **more: object) -> dict[str, object]:
    """The files of a feature in .devcontainer."""
    at = f".devcontainer/{name}"
    return {f"{at}/devcontainer-feature.json": {"id": name, "version": "1.0.0", **more}, f"{at}/install.sh": "echo\n"}


def test_local_features_are_installed_in_order_with_their_options(tmp_path: Path) -> None:
    files = {
        **feature(
            "tool",
            options={
                "version": {"type": "string", "default": "latest"},
                "with-docs": {"type": "boolean", "default": False},
            },
            installsAfter=["./base"],
            containerEnv={"PATH": "/opt/tool:${PATH}", "SAY": 'a "b"'},
            mounts=[{"type": "volume", "source": "tool-cache", "target": "/cache"}],
            entrypoint="/usr/local/bin/tool-init",
            postCreateCommand="tool setup",
            customizations={"vscode": {"extensions": ["x.tool"]}},
            privileged=True,
            capAdd=["NET_ADMIN"],
        ),
        **feature("base"),
    }
    config = {
        "image": "debian:12",
        "remoteUser": "node",
        "features": {"./tool": {"version": "3", "with-docs": True, "odd": "it's"}, "./base": {}},
        "postCreateCommand": "make",
        "customizations": {"vscode": {"extensions": ["a.b"]}},
    }
    with follow(tmp_path, config, files=files) as resolved:
        spec, build = resolved.spec, resolved.build
        assert build is not None and build.base is None
        text = build.dockerfile.read_text()
        assert text.startswith("FROM debian:12\nUSER root\nCOPY 00-base")
        assert 'ENV PATH="/opt/tool:${PATH}"\nENV SAY="a \\"b\\""\nCOPY 01-tool' in text
        assert text.endswith("USER node\n")
        variables = (build.context / "01-tool" / "devcontainer-features.env").read_text()
        assert "VERSION=3\nWITH_DOCS=true\nODD='it'\"'\"'s'\n_REMOTE_USER=node" in variables
    assert not build.context.exists()
    assert (spec.image, spec.entrypoints) == ("", ("/usr/local/bin/tool-init",))
    assert [mount.target for mount in spec.mounts] == ["/cache"]
    assert [group[0].argv[-1] for group in spec.lifecycle.post_create] == ["tool setup", "make"]
    assert spec.lifecycle.post_create[0][0].name == "tool"
    assert spec.customizations == {"vscode": {"extensions": ["x.tool", "a.b"]}}
    for word in ("asks for privileged", "asks for capAdd", "no option 'odd'"):
        assert any(word in note for note in spec.notes)


def test_features_over_a_dockerfile_are_a_second_build(tmp_path: Path) -> None:
    config = {"build": {"dockerfile": "Dockerfile"}, "features": {"./tool": "2"}}
    files = {**feature("tool"), ".devcontainer/Dockerfile": "FROM x"}
    with follow(tmp_path, config, files=files) as resolved:
        build = resolved.build
        assert build is not None and build.base is not None
        assert build.base.dockerfile.name == "Dockerfile" and build.base.context.name == ".devcontainer"
        assert build.dockerfile.read_text().startswith("ARG DEVCTL_BASE\nFROM ${DEVCTL_BASE}\n")
        assert "VERSION=2\n" in (build.context / "00-tool/devcontainer-features.env").read_text()


def test_what_a_feature_depends_on_comes_with_it(tmp_path: Path) -> None:
    files = {**feature("tool", dependsOn={"./base": {"version": "9"}}), **feature("base")}
    with follow(tmp_path, {"image": "x", "features": {"./tool": {}}}, files=files) as resolved:
        assert resolved.build is not None
        names = [path.name for path in sorted(resolved.build.context.iterdir()) if path.is_dir()]
        assert names == ["00-base", "01-tool"]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("../../outside", "nothing at|leads out"),
        ("/etc", "nothing at|leads out"),
        ("./gone", "nothing at"),
        ("./bare", "has no install.sh"),
        ("docker-from-docker", "name of old"),
        ("https://127.0.0.1:1/x.tgz", "cannot be fetched"),
        ("localhost:1/a/b:1", "cannot be fetched"),
        ("not a/reference", "no folder, archive or reference"),
    ],
)
def test_a_feature_that_cannot_be_had_is_told(wish: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match=words):
        follow(tmp_path, {"image": "x", "features": {wish: {}}}, files={".devcontainer/bare/x": ""})
    assert not list((tmp_path / "devctl").glob("source-*"))


@pytest.mark.parametrize("env", [{"A\nRUN evil": "1"}, {"A": "1\nRUN evil"}, {"A B": ""}])
def test_a_feature_cannot_write_lines_into_the_dockerfile(env: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match="containerEnv of the feature tool"):
        follow(tmp_path, {"image": "x", "features": {"./tool": {}}}, files=feature("tool", containerEnv=env))


def make(name: str, *after: str) -> Feature:
    return Feature(
        reference=f"./{name}", id=name, folder=Path(), options={}, aliases=(f"./{name}", name), installs_after=after
    )


@given(st.permutations(["a", "b", "c", "d"]), st.permutations(["a", "b", "c", "d"]))
def test_every_order_keeps_what_installs_after_what(asked: list[str], wanted: list[str]) -> None:
    after = {"a": (), "b": ("./a",), "c": ("./a", "x.org/n/b"), "d": ()}
    order = [found.id for found in in_order([make(name, *after[name]) for name in asked], [f"./{n}" for n in wanted])]
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("a") < order.index("b") < order.index("c")


def test_a_circle_of_features_is_told() -> None:
    with pytest.raises(SourceInvalid, match="a, b wait for each other"):
        in_order([make("a", "b"), make("b", "a")])


def test_the_wanted_order_decides_where_there_is_a_choice() -> None:
    found = in_order([make("a"), make("b"), make("c")], ["./c", "./b"])
    assert [one.id for one in found] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("option", "variable"), [("version", "VERSION"), ("with-docs", "WITH_DOCS"), ("2fast", "_FAST"), ("ä b", "_B")]
)
def test_options_are_named_as_scripts_expect(option: str, variable: str) -> None:
    assert variable_of(option) == variable


@pytest.mark.parametrize(
    ("reference", "base"),
    [
        ("r.org/a/b:1", "r.org/a/b"),
        ("r.org:5000/a/b", "r.org:5000/a/b"),
        ("r.org/a/b@sha256:0", "r.org/a/b"),
        ("./x", "./x"),
    ],
)
def test_a_reference_is_known_without_its_version(reference: str, base: str) -> None:
    assert base_of(reference) == base


def archive(files: dict[str, str], **special: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text.encode()))
        for name, kind in special.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            packed.addfile(entry)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [archive({"../x": "1"}), archive({"/x": "1"}), archive({}, link=tarfile.SYMTYPE), archive({}, d=tarfile.CHRTYPE)],
)
def test_tricks_of_archives_are_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no plain file below it"):
        unpack(data, tmp_path, "x")
    assert not list(tmp_path.iterdir())


@contextmanager
def registry(blob: bytes, digest: str | None = None) -> Iterator[str]:
    """A registry with one feature, which wants its anonymous token first; yields its host and port."""
    digest = digest or f"sha256:{hashlib.sha256(blob).hexdigest()}"

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:  # the server's own naming
            here = f"http://{self.headers['Host']}"
            if self.path.startswith("/token"):
                return self.answer(200, json.dumps({"token": "anonymous"}).encode())
            if self.headers.get("Authorization") != "Bearer anonymous":
                self.send_response(401)
                self.send_header("WWW-Authenticate", f'Bearer realm="{here}/token",service="s",scope="pull"')
                self.send_header("Content-Length", "0")
                return self.end_headers()
            if self.path == "/v2/team/features/tool/manifests/1":
                return self.answer(200, json.dumps({"layers": [{"digest": digest}]}).encode())
            return self.answer(200, blob) if self.path.endswith(f"/blobs/{digest}") else self.answer(404, b"")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


TOOL = {"devcontainer-feature.json": json.dumps({"id": "tool", "version": "1.2.0"}), "install.sh": "echo\n"}


def test_a_feature_of_a_registry_is_fetched(tmp_path: Path) -> None:
    with registry(archive(TOOL)) as host:
        config = {"image": "x", "features": {f"{host}/team/features/tool:1": {}}}
        with follow(tmp_path, config) as resolved:
            assert resolved.build is not None
            assert (resolved.build.context / "00-tool" / "install.sh").read_text() == "echo\n"


def test_a_blob_that_is_not_what_the_manifest_names_is_refused(tmp_path: Path) -> None:
    with (
        registry(archive(TOOL), f"sha256:{'0' * 64}") as host,
        pytest.raises(SourceInvalid, match="does not have the digest"),
    ):
        follow(tmp_path, {"image": "x", "features": {f"{host}/team/features/tool:1": {}}})
