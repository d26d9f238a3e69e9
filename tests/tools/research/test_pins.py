"""The versions that a repository's files fix, in every form in which they do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.research.pins import ecosystems_of, may_pin, read_pins

FILES: list[tuple[str, str, list[str]]] = [
    (
        "requirements-dev.txt",
        "flask==3.0.0 ; python_version > '3' # web\n-r x.txt\nrich>=1\nA.b===2\nc==1.*\nd==4 \\\n    --hash=sha256:00\n",
        ["python a.b 2", "python d 4", "python flask 3.0.0"],
    ),
    (
        "uv.lock",
        '[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "r" }\n\n[[package]]\nname = "me"\nversion = "0"\nsource = { editable = "." }\n',
        ["python a 1"],
    ),
    ("pylock.toml", '[[packages]]\nname = "a"\nversion = "1"\n', ["python a 1"]),
    ("Pipfile.lock", json.dumps({"default": {"a": {"version": "==1"}}, "develop": {"b": {}}}), ["python a 1"]),
    (
        "web/package-lock.json",
        json.dumps(
            {
                "lockfileVersion": 3,
                "packages": {
                    "": {"name": "me", "version": "0"},
                    "node_modules/a": {"version": "1.0.0"},
                    "node_modules/a/node_modules/@x/b": {"version": "2.0.0"},
                    "node_modules/me2": {"link": True, "resolved": "me2"},
                },
            }
        ),
        ["node @x/b 2.0.0", "node a 1.0.0"],
    ),
    (
        "package-lock.json",
        json.dumps({"dependencies": {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0"}}}}}),
        ["node a 1.0.0", "node b 2.0.0"],
    ),
    (
        "yarn.lock",
        '# yarn lockfile v1\n\n"@x/b@^2.0.0", "@x/b@^2.1":\n  version "2.1.0"\n  resolved "u"\n\na@^1:\n  version "1.0.0"\n',
        ["node @x/b 2.1.0", "node a 1.0.0"],
    ),
    ("yarn.lock", '"a@npm:^1.0.0":\n  version: 1.2.0\n  resolution: "a@npm:1.2.0"\n', ["node a 1.2.0"]),
    (
        "pnpm-lock.yaml",
        "packages:\n  '@x/b@2.0.0(c@1.0.0)':\n    x: 1\n  /a@1.0.0:\n    x: 1\n",
        ["node @x/b 2.0.0", "node a 1.0.0"],
    ),
    (
        "go.mod",
        "module example.org/me\n\ngo 1.22\n\nrequire example.org/a v1.2.3\n\nrequire (\n\texample.org/b/v2 v2.0.0 // indirect\n)\n",
        ["go example.org/a v1.2.3", "go example.org/b/v2 v2.0.0"],
    ),
    (
        "Cargo.lock",
        '[[package]]\nname = "me"\nversion = "0.1.0"\n\n[[package]]\nname = "serde"\nversion = "1.0.0"\nsource = "registry+https://example.org/index"\n',
        ["rust serde 1.0.0"],
    ),
    (
        "pom.xml",
        "<project><dependencies><dependency><groupId>org.acme</groupId><artifactId>a</artifactId><version>1.0</version>"
        "</dependency><dependency><groupId>g</groupId><artifactId>b</artifactId><version>${b.version}</version></dependency>"
        "<dependency><groupId>g</groupId><artifactId>c</artifactId></dependency></dependencies></project>",
        ["maven org.acme:a 1.0"],
    ),
]


@pytest.mark.parametrize(
    ("path", "content", "pins"), FILES, ids=[f"{path}-{n}" for n, (path, _, _) in enumerate(FILES)]
)
def test_fixed_versions_are_read(path: str, content: str, pins: list[str]) -> None:
    found = read_pins({path: content.encode()})
    assert [f"{pin.ecosystem} {pin.name} {pin.version}" for pin in found] == pins


def test_vendored_files_fix_nothing() -> None:
    assert not may_pin("web/node_modules/a/package-lock.json")
    assert not may_pin("vendor/x/go.mod")
    assert may_pin("web/package-lock.json") and may_pin("requirements/constraints.txt")


def test_broken_files_fix_nothing_and_hide_nothing() -> None:
    files = {name: b"\xff{[<:\n- " for name in ("uv.lock", "package-lock.json", "pnpm-lock.yaml", "go.mod", "pom.xml")}
    found = read_pins({**files, "requirements.txt": b"a==1\n"})
    assert [pin.name for pin in found] == ["a"]


@given(st.sampled_from(sorted({path for path, _, _ in FILES})), st.binary(max_size=200))
def test_any_content_can_be_read(path: str, content: bytes) -> None:
    read_pins({path: content})


locked = st.dictionaries(
    st.from_regex(r"(@[a-z]{1,5}/)?[a-z][a-z0-9.-]{0,10}", fullmatch=True),
    st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[a-z]{1,3}\.[0-9])?", fullmatch=True),
    max_size=5,
)


@given(locked)
def test_every_form_of_a_lock_says_the_same(versions: dict[str, str]) -> None:
    pairs = sorted(versions.items())
    forms = {
        "package-lock.json": json.dumps({"packages": {f"node_modules/{name}": {"version": v} for name, v in pairs}}),
        "npm-shrinkwrap.json": json.dumps({"dependencies": {name: {"version": v} for name, v in pairs}}),
        "yarn.lock": "".join(f'"{name}@^1":\n  version "{v}"\n  resolved "x"\n\n' for name, v in pairs),
        "pnpm-lock.yaml": json.dumps({"packages": {f"{name}@{v}(peer@1.0.0)": {} for name, v in pairs}}),
    }
    for path, content in forms.items():
        assert [(pin.name, pin.version) for pin in read_pins({path: content.encode()})] == pairs


def test_the_ecosystem_nearest_to_the_root_comes_first() -> None:
    assert ecosystems_of(["web/package.json", "pyproject.toml", "go/a/go.mod"]) == ("python", "node", "go")
    assert ecosystems_of(["README.md"]) == ()
