"""devcontainer.json: every key is done or put into words."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devctl.errors import SourceInvalid
from devctl.fleet.records import GpuWish, LifecycleCommand, Mount
from devctl.sources import Overrides, resolve, settle_env
from devctl.sources.run_args import read_run_args
from devctl.sources.sizes import mebibytes
from tests.devctl.sources.folders import follow, settings_in, write

WHOLE = """// our own
{
    "$schema": "https://example.org/schema",
    "name": "Shop",
    "build": {
        "dockerfile": "Dockerfile", "context": "..", "target": "dev",
        "args": {"VERSION": "3", "WHERE": "${localWorkspaceFolderBasename}"},
        "cacheFrom": "registry.example.org/shop:cache",
    },
    "containerEnv": {"HOME_OF": "${containerWorkspaceFolder}", "WHO": "${localEnv:USER}", "NO": "${localEnv:AWS_KEY:none}"},
    "remoteEnv": {"PATH": "${containerEnv:PATH}:/opt/bin", "GONE": null},
    "remoteUser": "node", "containerUser": "root", "updateRemoteUserUID": true,
    "workspaceFolder": "/src/${localWorkspaceFolderBasename}",
    "workspaceMount": "source=${localWorkspaceFolder},target=/src,type=bind",
    "mounts": [
        "source=cache-${devcontainerId},target=/cache,type=volume",
        {"type": "bind", "source": "${localWorkspaceFolder}/data", "target": "/data", "readonly": true},
        "type=bind,source=/etc,target=/host-etc",
        "type=bind,source=/var/run/docker.sock,target=/var/run/docker.sock",
    ],
    "runArgs": ["--cpus=1.5", "-m", "2g", "--shm-size", "256m", "-e", "MODE=dev", "--privileged", "--cap-add=SYS_PTRACE",
                "--network", "host", "--init", "--unheard-of", "x"],
    "forwardPorts": [3000, "127.0.0.1:8080", "db:5432"],
    "portsAttributes": {"3000": {"label": "Web", "onAutoForward": "notify"}},
    "otherPortsAttributes": {"onAutoForward": "ignore"},
    "onCreateCommand": "make 'a b'",
    "updateContentCommand": ["npm", "ci"],
    "postCreateCommand": {"one": "echo 1", "two": ["echo", "2"]},
    "initializeCommand": "rm -rf /",
    "waitFor": "postCreateCommand",
    "hostRequirements": {"cpus": 1, "memory": "8gb", "storage": "32gb", "gpu": "optional"},
    "customizations": {"vscode": {"extensions": ["a.b"]}},
    "privileged": true, "capAdd": ["NET_ADMIN"], "init": true, "wished": 1,
}
"""


def test_a_whole_devcontainer_json_becomes_a_spec(tmp_path: Path) -> None:
    files: dict[str, object] = {".devcontainer/Dockerfile": "FROM x AS dev", "data/x": ""}
    with follow(tmp_path, WHOLE, files=files) as resolved:
        spec, build, tree = resolved.spec, resolved.build, resolved.tree
    assert build is not None and tree is not None
    assert (build.context, build.dockerfile) == (tree, tree / ".devcontainer/Dockerfile")
    assert (build.target, build.args, build.cache_from) == (
        "dev", {"VERSION": "3", "WHERE": "shop"}, ("registry.example.org/shop:cache",),
    )  # fmt: skip
    assert spec.workdir == "/src/shop"
    assert spec.env == {"HOME_OF": "/src/shop", "WHO": "ada", "NO": "none", "MODE": "dev"}
    assert settle_env(spec.remote_env, {"PATH": "/bin"}) == {"PATH": "/bin:/opt/bin"}
    assert (spec.user, spec.ports, spec.gpu) == ("node", (3000, 8080), GpuWish(want="optional"))
    assert (spec.limits.cpus, spec.limits.memory_mb, spec.limits.disk_mb, spec.shm_mb) == (1.5, 2048, 32_768, 256)
    assert [mount.target for mount in spec.mounts] == ["/cache", "/data"]
    assert spec.mounts[1] == Mount(kind="bind", source=str(tree / "data"), target="/data", read_only=True)
    assert "${" not in spec.mounts[0].source
    assert spec.labels == {"devcontainer.port.3000": "Web", "devcontainer.name": "Shop"}
    assert spec.customizations == {"vscode": {"extensions": ["a.b"]}}
    life = spec.lifecycle
    assert life.on_create == ((LifecycleCommand(argv=("/bin/sh", "-c", "make 'a b'")),),)
    assert life.update_content == ((LifecycleCommand(argv=("npm", "ci")),),)
    assert [(command.name, command.argv[-1]) for command in life.post_create[0]] == [("one", "echo 1"), ("two", "2")]
    assert life.wait_for == "post_create"


@pytest.mark.parametrize(
    "word",
    [
        "privileged was left out", "capAdd was left out", "workspaceMount was left out", "otherPortsAttributes",
        "initializeCommand was left out", "wished was left out: devctl does not know this key", "--privileged was left out",
        "--cap-add SYS_PTRACE", "--network host", "--unheard-of x", "db:5432", "/etc was left out, as it lies outside",
        "docker.sock was left out", "${localEnv:AWS_KEY:none} was not filled in",
    ],
)  # fmt: skip
def test_what_is_not_done_is_told(word: str, tmp_path: Path) -> None:
    files: dict[str, object] = {".devcontainer/Dockerfile": "FROM x AS dev", "data/x": ""}
    with follow(tmp_path, WHOLE, files=files) as resolved:
        assert any(word in note for note in resolved.spec.notes), resolved.spec.notes
        assert not any("--init" in note for note in resolved.spec.notes)


def test_a_file_that_is_done_wholly_has_no_notes(tmp_path: Path) -> None:
    with follow(tmp_path, {"image": "debian:12", "forwardPorts": [80], "postCreateCommand": ""}) as resolved:
        assert resolved.spec.notes == ()
        assert resolved.spec.lifecycle.post_create == ()


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('{\n  "image": 3\n}', "line 2, column 12", "'image' must be a text"),
        ('{"image": "x",\n "mounts": ["type=floppy,target=/x"]}', "line 2, column 13", "floppy"),
        ('{"mounts": ["type=bind,source=/a,target=x"]}', "line 1, column 13", "no absolute path"),
        ('{"forwardPorts": [70000]}', "line 1, column 19", "no port"),
        ('{"waitFor": "later"}', "line 1, column 13", "onCreateCommand"),
        ('{"postCreateCommand": [1]}', "line 1, column 23", "list of texts"),
        ('{"hostRequirements": {"memory": "much"}}', "line 1, column 33", "no size"),
        ('{"hostRequirements": {"cpu": 1}}', "line 1, column 30", "no key 'cpu'"),
        ('{"hostRequirements": {"gpu": "yes"}}', "line 1, column 30", "optional"),
        ('{"build": {"target": "x"}}', "line 1, column 11", "names no dockerfile"),
        ('{"dockerComposeFile": "compose.yml"}', "line 1, column 23", "cannot be launched"),
        ('{"workspaceFolder": "here"}', "line 1, column 21", "absolute"),
        ('{"containerEnv": {"A": {}}}', "line 1, column 24", "containerEnv.A"),
        ('{"image": "x"', "line 1, column 14", "the end"),
        ("[]", "line 1, column 1", "an object belongs here"),
    ],
)
def test_a_malformed_file_is_told_with_line_and_column(text: str, place: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid) as caught:
        follow(tmp_path, text)
    assert place in caught.value.message
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert not list((tmp_path / "devctl").glob("source-*"))


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    tree = write(tmp_path / "shop", {".devcontainer.json": ""})
    (tree / ".devcontainer.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(SourceInvalid, match="byte 7"):
        resolve(str(tree), settings=settings_in(tmp_path))


@pytest.mark.parametrize("dockerfile", ["../../outside", "/etc/passwd", "link", "missing"])
def test_a_build_outside_the_source_is_refused(dockerfile: str, tmp_path: Path) -> None:
    write(tmp_path, {"outside": "FROM x", "shop/.devcontainer/x": ""})
    (tmp_path / "shop/.devcontainer/link").symlink_to("/etc/passwd")
    with pytest.raises(SourceInvalid, match="leads out of the source|there is nothing"):
        follow(tmp_path, {"build": {"dockerfile": dockerfile}})


def test_a_bind_outside_the_source_is_made_for_whoever_trusts_it(tmp_path: Path) -> None:
    config = {
        "image": "x",
        "mounts": ["type=bind,source=/etc,target=/e", "type=bind,source=/run/docker.sock,target=/s"],
    }
    with follow(tmp_path, config, Overrides(trust_mounts=True)) as resolved:
        assert [mount.source for mount in resolved.spec.mounts] == ["/etc"]


def test_a_link_in_the_source_does_not_lead_a_bind_out(tmp_path: Path) -> None:
    write(tmp_path / "shop", {"x": ""})
    (tmp_path / "shop/sly").symlink_to("/etc")
    with follow(
        tmp_path, {"image": "x", "mounts": ["type=bind,source=${localWorkspaceFolder}/sly,target=/e"]}
    ) as found:
        assert found.spec.mounts == ()


@given(
    st.lists(
        st.text(alphabet="-=ae:/mpv1 ", max_size=12) | st.sampled_from(["-e", "--mount", "-p", "--cpus"]), max_size=6
    )
)
@settings(max_examples=200)
def test_any_run_args_are_done_or_told(words: list[str]) -> None:
    found = read_run_args(words)
    assert all(note.startswith("runArgs: ") for note in found.notes)


def test_only_what_keeps_the_sandbox_closed_is_taken_from_run_args() -> None:
    found = read_run_args(
        ["--gpus", "all", "-p", "8080:80", "-v", "data:/data:ro", "-u", "1000", "--security-opt=seccomp=unconfined",
         "--pid=host", "--device", "/dev/kvm", "-eA=1", "--cpus", "0", "--memory", "lots", "-e", "SECRET"]
    )  # fmt: skip
    assert (found.gpu, found.ports, found.user, found.env) == (True, (80,), "1000", {"A": "1"})
    assert found.mounts == (Mount(kind="volume", source="data", target="/data", read_only=True),)
    assert (found.cpus, found.memory_mb) == (None, None)
    assert len(found.notes) == 6


@pytest.mark.parametrize(
    ("text", "size"),
    [("4gb", 4096), ("512m", 512), ("1048576", 1), ("1", 1), ("2 GiB", 2048), ("x", None), ("0", None), ("-1g", None)],
)
def test_sizes_are_read(text: str, size: int | None) -> None:
    assert mebibytes(text) == size
