"""A change as the policy sees it, on a real repository."""

from pathlib import Path

import pytest

from agents.judged_change import file_changes, new_packages
from tests.tools.repositories import new_remote, seeded
from tools.mirror import Mirror


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror", str(new_remote(tmp_path / "remote.git")))


def test_packages_that_a_change_declares_are_named_once_and_normalised(mirror: Mirror) -> None:
    base = mirror.commit_edits(seeded(mirror), {"requirements.txt": "Flask>=3\n"}, message="base")
    pyproject = """
[project]
dependencies = ["flask", "Ruamel_Yaml>=1", 7]
[project.optional-dependencies]
dev = ["pytest"]
[dependency-groups]
lint = ["ruff", {include-group = "dev"}]
"""
    edits = {
        "requirements.txt": "Flask>=4  # newer\n-r other.txt\n\nnot a requirement !!\n",
        "sub/requirements-dev.txt": "Some.Thing==1\n",
        "pyproject.toml": pyproject,
    }
    commit = mirror.commit_edits(base, edits, message="more")
    assert new_packages(mirror, base, commit) == (
        "-r other.txt",
        "not a requirement !!",
        "pytest",
        "ruamel-yaml",
        "ruff",
        "some-thing",
    )


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("requirements.txt", "--index-url https://x.example/", "--index-url https://x.example/"),
        ("requirements.txt", "-e git+https://x.example/e#egg=flask", "-e git+https://x.example/e"),
        ("requirements.txt", "-r https://x.example/requirements.txt", "-r https://x.example/requirements.txt"),
        ("requirements.txt", "flask @ https://x.example/f.whl", "flask @ https://x.example/f.whl"),
        ("package.json", '{"dependencies": {"flask": "git+https://x.example/f"}}', "npm:flask@git+https://x.example/f"),
        ("package.json", '{"dependencies": {"flask": "mallory/flask"}}', "npm:flask@mallory/flask"),
        ("package.json", '{"dependencies": {"flask": "npm:evil@1"}}', "npm:evil"),
    ],
)
def test_addresses_and_options_are_named_as_they_are_written(mirror: Mirror, path: str, text: str, named: str) -> None:
    """A package that was granted by its name is not granted from anywhere."""
    base = mirror.commit_edits(seeded(mirror), {"requirements.txt": "Flask>=3\n"}, message="base")
    (found,) = new_packages(mirror, base, mirror.commit_edits(base, {path: text}, message="more"))
    assert found.startswith(named)


def test_what_pins_and_includes_requirements_brings_no_package(mirror: Mirror) -> None:
    base = mirror.commit_edits(seeded(mirror), {"requirements.txt": "Flask>=3\n"}, message="base")
    pinned = "-r sub/requirements-dev.txt\n-e .\n.\nflask==3.1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"
    assert new_packages(mirror, base, mirror.commit_edits(base, {"requirements.txt": pinned}, message="more")) == ()


@pytest.mark.parametrize(
    "hostile",
    [
        "not toml [",
        "project = 3\n",
        "[project]\ndependencies = 'flask'\n",
        "[project]\noptional-dependencies = ['x']\n",
        "dependency-groups = 'x'\n",
        "[project]\noptional-dependencies = {dev = 'x'}\n",
    ],
)
def test_a_pyproject_of_another_shape_declares_nothing(mirror: Mirror, hostile: str) -> None:
    base = seeded(mirror)
    commit = mirror.commit_edits(base, {"pyproject.toml": hostile}, message="hostile")
    assert new_packages(mirror, base, commit) == ()


def test_files_are_told_with_kind_mode_size_and_link_target(mirror: Mirror) -> None:
    base = mirror.commit_edits(seeded(mirror), {"gone.txt": "x", "kept.txt": "x"}, message="base")
    blob = mirror.git.run("hash-object", "-w", "--stdin", given=b"/etc/passwd").text.strip()
    with_link = mirror.commit_edits(base, {"gone.txt": None, "kept.txt": "xyz", "new.bin": "a"}, message="more")
    listing = mirror.git.run("ls-tree", with_link).text + f"\n120000 blob {blob}\tlink\n"
    tree = mirror.git.run("mktree", given=listing.encode()).text.strip()
    commit = mirror.commit_tree(tree, (with_link,), "link")
    changes = {change.path: change for change in file_changes(mirror, base, commit)}
    assert {path: (change.kind, change.size) for path, change in changes.items()} == {
        "gone.txt": ("deleted", 0),
        "kept.txt": ("modified", 3),
        "new.bin": ("added", 1),
        "link": ("added", 11),
    }
    assert changes["link"].link_target == "/etc/passwd"


def test_packages_of_other_languages_carry_their_registry(mirror: Mirror) -> None:
    base = mirror.commit_edits(seeded(mirror), {"web/package.json": '{"dependencies": {"a": "1"}}'}, message="base")
    pom = """<project xmlns="http://maven.apache.org/POM/4.0.0"><dependencies><dependency><groupId>org.x</groupId>
<artifactId>lib</artifactId><version>${v}</version></dependency></dependencies>
<build><plugins><plugin><artifactId>maven-shade-plugin</artifactId></plugin></plugins></build></project>"""
    edits = {
        "web/package.json": '{"dependencies": {"a": "2", "@S/b": "^1", "own": "file:../own", "c": "npm:d@1"},'
        ' "devDependencies": {"vitest": "*", "odd": 3}}',
        "go.mod": "module m\n\nrequire one.example/a v1.0.0\nrequire (\n\ttwo.example/b/v2 v2.1.0 // note\n"
        "\tthree.example/c v0.1.0 // indirect\n)\n",
        "Cargo.toml": '[dependencies]\nserde = "1"\nnear = { path = "near" }\nreal = { package = "other", version = "2" }\n'
        '[workspace.dependencies]\ntokio = "1"\n[target."cfg(unix)".dev-dependencies]\nnix = "0.2"\n',
        "pom.xml": pom,
        "app/build.gradle.kts": 'dependencies {\n    testImplementation("org.junit:junit:4.13")\n'
        '    implementation(libs.some)\n    implementation(group = "g", name = "n", version = "1")\n}\n',
        "gradle/libs.versions.toml": '[libraries]\nsome = { module = "org.some:lib", version.ref = "s" }\n',
    }
    commit = mirror.commit_edits(base, edits, message="more")
    assert set(new_packages(mirror, base, commit)) == {
        "npm:@s/b", "npm:d", "npm:vitest",
        "go:one.example/a", "go:two.example/b/v2",
        "cargo:serde", "cargo:other", "cargo:tokio", "cargo:nix",
        "maven:org.x:lib", "maven:org.apache.maven.plugins:maven-shade-plugin",
        "maven:org.junit:junit", "maven:g:n", "maven:org.some:lib",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hostile"),
    [
        ("package.json", "[" * 100_000),
        ("package.json", '["a"]'),
        ("package.json", '{"dependencies": "x", "devDependencies": [1]}'),
        ("Cargo.toml", "dependencies = 3\nworkspace = 'x'\ntarget = ['y']\n"),
        ("pom.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><project/>"),
        ("pom.xml", "<project>"),
        ("gradle/libs.versions.toml", "libraries = [3]\n"),
        ("go.mod", "require (\nrequire x\n"),
    ],
)
def test_a_dependency_file_of_another_shape_declares_nothing(mirror: Mirror, name: str, hostile: str) -> None:
    base = seeded(mirror)
    commit = mirror.commit_edits(base, {name: hostile}, message="hostile")
    assert new_packages(mirror, base, commit) == ()
