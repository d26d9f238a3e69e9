"""Go, Rust, Maven and Gradle: what a tree is read to want, and projects really built and tested without network."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl import Launcher, PreparationFailed
from devctl.ecosystems.catalogue import plan_tree
from devctl.ecosystems.go_manifests import imports_of, required_modules
from devctl.ecosystems.maven import settings_xml, strip_executions
from devctl.ecosystems.records import Plan
from tests.devctl.ecosystems.registries import launched, needs, output, tree_of

GO = {
    "go.mod": "module example.com/calc\n\ngo 1.21\n\nrequire github.com/google/uuid v1.6.0\n",
    "calc.go": "package calc\n\nfunc Add(a, b int) int { return a + b }\n",
    "calc_test.go": 'package calc\n\nimport (\n\t"testing"\n\n\t"github.com/google/uuid"\n)\n\n'
    'func TestAdd(t *testing.T) {\n\tif uuid.Nil.String() == "" || Add(1, 1) != 2 {\n\t\tt.Fatal("none")\n\t}\n}\n',
}
RUST = {
    "Cargo.toml": '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\nbuild = "build.rs"\n\n'
    '[dependencies]\nitoa = "=1.0.11"\n',
    "build.rs": 'compile_error!("the tree\'s own build script was run");\nfn main() {}\n',
    "src/lib.rs": "pub fn text(a: i32) -> String { itoa::Buffer::new().format(a).to_string() }\n",
    "tests/it.rs": '#[test]\nfn writes() { assert_eq!(calc::text(3), "3"); }\n',
}
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>org.example</groupId><artifactId>calc</artifactId><version>1.0-SNAPSHOT</version>
<properties><maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target></properties>
<dependencies><dependency><groupId>org.junit.jupiter</groupId><artifactId>junit-jupiter</artifactId>
<version>5.10.2</version><scope>test</scope></dependency></dependencies>
<build><plugins><plugin><artifactId>maven-surefire-plugin</artifactId><version>3.2.5</version></plugin>
<plugin><artifactId>maven-antrun-plugin</artifactId><version>3.1.0</version><executions><execution>
<phase>compile</phase><goals><goal>run</goal></goals><configuration><target>
<fail unless="allowed" message="an execution of the tree was run"/></target></configuration>
</execution></executions></plugin></plugins></build></project>"""
MAVEN = {
    "pom.xml": POM,
    "src/main/java/org/example/Calc.java": "package org.example;\npublic class Calc {\n"
    "  public static int add(int a, int b) { return a + b; }\n}\n",
    "src/test/java/org/example/CalcTest.java": "package org.example;\nimport org.junit.jupiter.api.*;\nclass CalcTest {\n"
    "  @Test void adds() { Assertions.assertEquals(2, Calc.add(1, 1)); }\n}\n",
}


def plan_of(tree: Path, ecosystem: str) -> Plan:
    return next(plan for plan in plan_tree(tree) if plan.ecosystem == ecosystem)


def test_go_tests_run_offline_with_the_sums_that_were_lacking(launcher: Launcher, tmp_path: Path) -> None:
    needs("go")
    tree = tree_of(tmp_path / "t", GO)
    with launched(launcher, tree) as environment:
        output(environment, "cp /opt/devctl/parts/go/.locks/go.sum . && go test ./... && gofmt -l .")
        assert output(environment, "git init -q . && ls -A").split() == [
            ".git",
            "calc.go",
            "calc_test.go",
            "go.mod",
            "go.sum",
        ]


def test_rust_tests_run_offline_and_the_trees_build_script_only_there(launcher: Launcher, tmp_path: Path) -> None:
    needs("cargo", "cc")
    tree = tree_of(tmp_path / "t", RUST)
    with launched(launcher, tree) as environment:
        assert "own build script was run" in environment.exec(["cargo", "test"]).output
        output(environment, "echo 'fn main() {}' > build.rs")
        told = output(environment, "cargo test 2>&1")
        assert "writes ... ok" in told
        assert "Compiling itoa" not in told
        assert "target" not in output(environment, "ls").split()


def test_maven_tests_run_offline_with_the_provider_that_surefire_chooses(launcher: Launcher, tmp_path: Path) -> None:
    needs("mvn")
    with launched(launcher, tree_of(tmp_path / "t", MAVEN)) as environment:
        ran = environment.exec(["bash", "-c", "mvn -o -B -Dallowed=yes test"])
        assert "Tests run: 1, Failures: 0" in ran.output, ran.output
        assert ran.exit_code == 0


def test_go_modules_are_named_without_indirect_and_own_ones(tmp_path: Path) -> None:
    files = {
        "go.work": "use ./a\nuse ./b\n",
        "a/go.mod": "module m/a\nrequire (\n\tm/b v1.0.0\n\tx.example/y v1.2.3 // indirect\n\tz.example/w v0.1.0\n)\n",
        "b/go.mod": "module m/b\nrequire q.example/r v2.0.0+incompatible\n",
        "a/testdata/x/go.mod": "module n\n",
    }
    plan = plan_of(tree_of(tmp_path / "t", files), "go")
    assert set(plan.packages) == {"go:z.example/w@v0.1.0", "go:q.example/r@v2.0.0+incompatible"}
    assert plan.folders == ("",)


def test_a_tree_that_brings_its_go_modules_has_none_downloaded(tmp_path: Path) -> None:
    plan = plan_of(tree_of(tmp_path / "t", {**GO, "vendor/modules.txt": ""}), "go")
    assert plan.options == {}


def test_rust_sources_and_cargo_settings_are_not_shown_to_the_installer(tmp_path: Path) -> None:
    files = {**RUST, ".cargo/config.toml": '[build]\nrustc-wrapper = "./evil"\n', "src/secret.rs": "SECRET"}
    plan = plan_of(tree_of(tmp_path / "t", files), "rust")
    assert set(plan.files) == {"Cargo.toml"}
    assert set(plan.more.values()) == {b"fn main() {}\n"}
    assert plan.packages == ("cargo:itoa@=1.0.11",)
    changed = plan_of(tree_of(tmp_path / "t", {"src/lib.rs": "// other"}), "rust")
    assert changed.digest() == plan.digest()


@pytest.mark.parametrize(
    ("name", "text"), [("pom.xml", "<project>"), ("pom.xml", "<!DOCTYPE x><project/>"), ("Cargo.toml", "=")]
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(PreparationFailed, match=name):
        plan_tree(tree_of(tmp_path / "t", {name: text}))


def test_executions_are_stripped_and_configuration_stays() -> None:
    text = strip_executions(POM).decode()
    assert "<execution" not in text
    assert "maven-antrun-plugin" in text
    assert "<project xmlns=" in text


def test_a_proxy_is_put_into_mavens_words() -> None:
    assert settings_xml("", "") == "<settings/>\n"
    text = settings_xml("http://proxy.example:3128", "localhost,.inner.example")
    assert "<host>proxy.example</host><port>3128</port>" in text
    assert "<nonProxyHosts>localhost|*.inner.example</nonProxyHosts>" in text


def test_gradle_with_libraries_is_refused_with_the_reason(launcher: Launcher, tmp_path: Path) -> None:
    tree = tree_of(tmp_path / "t", {"build.gradle": "dependencies {\n  implementation 'org.x:lib:1'\n}\n"})
    with pytest.raises(PreparationFailed, match="build scripts"), launched(launcher, tree):
        pass


@given(st.text(max_size=300))
def test_any_text_gives_modules_and_imports_or_none(text: str) -> None:
    assert all(name.startswith("go:") for name in required_modules(f"module x\nrequire (\n{text}\n)\n"))
    assert all("\n" not in name for name in imports_of(text))
