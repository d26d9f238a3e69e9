"""Node: what a tree is read to want, and projects really installed and run without network."""

import json
from pathlib import Path

import pytest

from devctl import Launcher, PreparationFailed
from devctl.ecosystems.catalogue import plan_tree
from devctl.ecosystems.records import Plan
from tests.devctl.ecosystems.registries import launched, needs, output, prepared, tree_of

VITEST = {
    "package.json": json.dumps(
        {
            "name": "shop",
            "type": "module",
            "scripts": {"test": "vitest run", "preinstall": "echo ran > ../../evil", "postinstall": "exit 1"},
            "dependencies": {"express": "^4.19.0"},
            "devDependencies": {"vitest": "^2.1.0"},
        }
    ),
    "test/app.test.js": "import { expect, test } from 'vitest';\nimport express from 'express';\n"
    "test('app', () => expect(typeof express().get).toBe('function'));\n",
}


def node_plan(tree: Path, packages: tuple[str, ...] = ()) -> Plan:
    return next(plan for plan in plan_tree(tree, packages) if plan.ecosystem == "node")


def test_scripts_addresses_and_tokens_of_a_tree_do_not_reach_the_installer(tmp_path: Path) -> None:
    tree = tree_of(
        tmp_path / "t",
        {
            **VITEST,
            ".npmrc": "registry=https://elsewhere.example/\n//elsewhere.example/:_authToken=s3cret\n"
            "legacy-peer-deps=true\nnode-options=--require ./evil.js\n",
            ".pnpmfile.cjs": "evil()",
            ".yarnrc.yml": "yarnPath: evil.cjs\n",
        },
    )
    plan = node_plan(tree)
    assert set(plan.files) == {"package.json", ".npmrc"}
    assert plan.files[".npmrc"] == b"legacy-peer-deps=true\n"
    assert "scripts" not in json.loads(plan.files["package.json"])


def test_packages_are_named_with_their_registry_and_own_ones_left_out(tmp_path: Path) -> None:
    files = {
        "package.json": '{"workspaces": ["p/*"], "dependencies": {"a": "^1", "far": "https://x.example/a.tgz"}}',
        "p/b/package.json": '{"name": "@o/b", "dependencies": {"c": "*", "@o/d": "^1.0.0", "x": "npm:real@2"}}',
        "p/d/package.json": '{"name": "@o/d"}',
    }
    plan = node_plan(tree_of(tmp_path / "t", files), ("npm:left-pad@^1", "flask"))
    assert set(plan.packages) == {
        "npm:a@^1", "npm:far@https://x.example/a.tgz", "npm:c", "npm:real@2", "npm:left-pad@^1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "managers"),
    [
        ({"package.json": '{"dependencies": {"a": "1"}}', "package-lock.json": "{}"}, {"": "npm"}),
        ({"package.json": '{"dependencies": {"a": "1"}, "packageManager": "pnpm@9.1.0+sha1.x"}'}, {"": "pnpm@9.1.0"}),
        (
            {"web/package.json": '{"dependencies": {"a": "1"}}', "web/pnpm-lock.yaml": "lockfileVersion: '6.0'\n"},
            {"web": "pnpm@8"},
        ),
        ({"package.json": '{"dependencies": {"a": "1"}}', "yarn.lock": "# yarn lockfile v1\n"}, {"": "yarn-classic@1"}),
        ({"package.json": '{"dependencies": {"a": "1"}}', "yarn.lock": "__metadata:\n  version: 8\n"}, {"": "yarn@4"}),
        (
            {
                "package.json": '{"dependencies": {"a": "1"}}',
                "web/package.json": '{"dependencies": {"a": "1"}}',
                "web/yarn.lock": "",
                "examples/x/package.json": '{"dependencies": {"a": "1"}}',
                "examples/x/yarn.lock": "",
                "lib/package.json": '{"dependencies": {"a": "1"}}',
            },
            {"": "npm", "web": "yarn-classic@1"},
        ),
    ],
)
def test_the_manager_of_each_project_is_told_by_its_lock(
    tmp_path: Path, files: dict[str, str], managers: dict[str, str]
) -> None:
    assert node_plan(tree_of(tmp_path / "t", files)).options == managers


def test_a_tree_without_packages_or_with_its_own_has_nothing_installed(tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "a", {"package.json": '{"scripts": {"test": "node --test"}}'})
    assert node_plan(tree).options == {}
    vendored = {"package.json": '{"dependencies": {"a": "1"}}', "node_modules/a/index.js": ""}
    assert node_plan(tree_of(tmp_path / "b", vendored)).options == {}
    assert [plan.ecosystem for plan in plan_tree(tmp_path / "c")] == ["python"]


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_a_broken_manifest_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(PreparationFailed, match="package.json"):
        plan_tree(tree_of(tmp_path / "t", {"package.json": text}))


def test_vitest_runs_offline_and_what_is_installed_stays_as_it_was(launcher: Launcher, tmp_path: Path) -> None:
    needs("npm")
    tree = tree_of(tmp_path / "t", VITEST)
    assert prepared(launcher, tree) == prepared(launcher, tree)
    with launched(launcher, tree) as environment:
        assert "1 passed" in output(environment, "npm test")
        output(environment, "echo spoilt > node_modules/express/package.json; touch node_modules/new; mkdir -p a/b")
        assert environment.info.places == ("node_modules",)
        environment.get(".", tmp_path / "copy")
        assert sorted(path.name for path in (tmp_path / "copy").iterdir() if path.name != "node_modules") == [
            "a", "package.json", "test",
        ]  # fmt: skip
        assert not list((tmp_path / "copy").glob("node_modules/*"))
    with launched(launcher, tree) as environment:
        assert "1 passed" in output(environment, "npm test; ! test -e node_modules/new")


def test_workspaces_in_a_subfolder_find_each_other_beside_python(launcher: Launcher, tmp_path: Path) -> None:
    needs("npm")
    files = {
        "requirements.txt": "",
        "web/package.json": '{"private": true, "workspaces": ["packages/*"], "devDependencies": {"ms": "2.1.3"}}',
        "web/packages/a/package.json": '{"name": "@x/a", "version": "1.0.0", "dependencies": {"ms": "2.0.0"}}',
        "web/packages/a/index.js": "exports.ms = require('ms/package.json').version;",
        "web/main.js": "console.log(require('@x/a').ms, require('ms/package.json').version);",
    }
    with launched(launcher, tree_of(tmp_path / "t", files)) as environment:
        assert output(environment, "node web/main.js") == "2.0.0 2.1.3\n"
        assert output(environment, "python -c 'print(1)'") == "1\n"


def test_a_lock_that_the_tree_has_outgrown_is_brought_in_step(launcher: Launcher, tmp_path: Path) -> None:
    needs("npm")
    lock = {"name": "t", "lockfileVersion": 3, "requires": True, "packages": {"": {"name": "t"}}}
    files = {"package.json": '{"name": "t", "dependencies": {"ms": "2.1.3"}}', "package-lock.json": json.dumps(lock)}
    tree = tree_of(tmp_path / "t", files)
    part = next(part for part in prepared(launcher, tree).parts if part.ecosystem == "node")
    assert part.locks == ("package-lock.json",)
    with launched(launcher, tree) as environment:
        kept = json.loads(output(environment, "cat /opt/devctl/parts/node/.locks/package-lock.json"))
        assert "node_modules/ms" in kept["packages"]


def test_pnpm_is_had_from_the_registry(launcher: Launcher, tmp_path: Path) -> None:
    needs("npm")
    files = {
        "package.json": '{"packageManager": "pnpm@9.15.0", "dependencies": {"ms": "2.1.3"},'
        ' "scripts": {"test": "node -p \\"require(\'ms\')(\'1s\')\\""}}',
    }
    with launched(launcher, tree_of(tmp_path / "t", files)) as environment:
        assert output(environment, "pnpm --version").strip() == "9.15.0"
        assert "1000" in output(environment, "pnpm test")


def test_a_package_that_is_not_there_fails_with_the_installers_words(launcher: Launcher, tmp_path: Path) -> None:
    needs("npm")
    tree = tree_of(tmp_path / "t", {"package.json": '{"dependencies": {"ms": "999.0.0"}}'})
    with pytest.raises(PreparationFailed, match="package.json") as caught:
        prepared(launcher, tree)
    assert "999.0.0" in caught.value.log
