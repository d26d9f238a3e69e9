"""What the wizard takes for an answer, and the Dockerfile it makes of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from devctl.errors import BuildRefused
from devctl.wizard import WizardRequest, lint, render
from devctl.wizard.lint import RULES
from devctl.wizard.records import GRAMMARS
from devctl.wizard.wizard import bases, checked
from scripts.source import ROOT

GOOD = {
    "apt": ["curl", "g++", "libc6-dev", "git=1:2.39.5-0+deb12u2"],
    "yum": ["gcc-c++", "vim-enhanced-8.2", "Xorg"],
    "pip": ["requests==2.32.3", "uvicorn[standard]>=0.30,<1", "ruff", "zope.interface~=6.0"],
    "npm": ["left-pad", "@types/node@^20.1.0", "typescript@5.4.5"],
}
HOSTILE = (
    *("; rm -rf /", "a;b", "a b", "a\nb", "a\n", "a\r", "$(id)", "`id`", "a&&b", "a|b", "a>b", "a'b", 'a"b', "a\\b"),
    *(
        "-rf",
        "--index-url=http://x",
        "-o",
        "../x",
        "./x",
        "/etc/passwd",
        "http://x/y",
        "https://x/y.tgz",
        "git+ssh://x",
    ),
    *("git+https://x/y", "file:///x", "x@http://y", "a#b", "a%b", "", " ", "a\0b", "é", "a" * 200, "x @ https://y"),
    *("npm:x@1", "github:a/b", "a/b", "~x", "a*", "${HOME}", "a\u2028b", "a;", "@x", "@/x", "=1", "a==", "a[b;c]"),
)


def request(**more: object) -> WizardRequest:
    return WizardRequest.model_validate({"base": "debian:12", "tag": "mine/image:1", **more})


@pytest.mark.parametrize("manager", GOOD)
def test_plain_packages_are_taken(manager: str) -> None:
    assert request(**{manager: GOOD[manager]}).packages == {manager: tuple(GOOD[manager])}


@pytest.mark.parametrize("manager", GOOD)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_packages_are_refused(manager: str, name: str) -> None:
    with pytest.raises(ValidationError, match="no plain"):
        request(**{manager: [name]})


@given(st.sampled_from(sorted(GRAMMARS)), st.text(min_size=1, max_size=20))
def test_no_name_that_is_taken_can_leave_its_word(manager: str, name: str) -> None:
    if GRAMMARS[manager].fullmatch(name):
        assert not re.search(r"[\s;&|`$'\"\\(){}#%]|://|\.\./", name)
        assert not name.startswith(("-", "/", "."))


@pytest.mark.parametrize(
    "wrong",
    [
        {"user": "a b"}, {"user": "root\n"}, {"user": "-x"}, {"user": "Ann"}, {"ports": [0]}, {"ports": [65536]},
        {"base": "debian:12 AS x"}, {"base": "debian:12\nRUN id"}, {"base": "$X"}, {"tag": "Mine"}, {"tag": "a b"},
        {"labels": {"a b": "x"}}, {"labels": {"a": "x\ny"}}, {"labels": {"devctl.owner": "me"}}, {"more": "x"},
    ],
)  # fmt: skip
def test_other_hostile_answers_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        request(**wrong)


@pytest.mark.parametrize("user", ["root", "docker", "sudo"])
def test_the_user_has_no_special_rights(user: str) -> None:
    with pytest.raises(BuildRefused, match="may not be"):
        checked(request(user=user))


def test_the_dockerfile_installs_cleans_and_leaves_root() -> None:
    made = checked(
        request(apt=["curl=8.1"], pip=["ruff==0.5.0"], npm=["left-pad@1.3.0"], ports=[8080, 80], user="ann",
                labels={"team": 'a "b" $HOME \\'})
    )  # fmt: skip
    assert made.startswith("FROM debian:12\n")
    for words in (
        "--no-install-recommends", "curl=8.1", "rm -rf /var/lib/apt/lists/*", "--no-cache-dir ruff==0.5.0",
        "--ignore-scripts left-pad@1.3.0", "npm cache clean --force", "EXPOSE 80 8080",
        r'LABEL team="a \"b\" \$HOME \\"', "USER ann\nWORKDIR /work\n",
    ):  # fmt: skip
        assert words in made
    assert [finding.rule for finding in lint(made) if finding.severity == "error"] == []


def test_a_request_of_each_manager_breaks_no_rule() -> None:
    for base in bases():
        wanted = {manager: GOOD[manager] for manager in base.managers}
        made = checked(request(base=base.image, **wanted))
        assert made == render(request(base=base.image, **wanted))


@pytest.mark.parametrize(
    ("rule", "dockerfile"),
    [
        ("DL3000", "FROM a:1\nWORKDIR work\nUSER x\n"),
        ("DL3002", "FROM a:1\nUSER x\nUSER root\n"),
        ("DL3002", "FROM a:1\nUSER x\nFROM b:1\nRUN id\n"),
        ("DL3004", "FROM a:1\nRUN sudo id\nUSER x\n"),
        ("DL3006", "FROM host:5000/a\nUSER x\n"),
        ("DL3007", "FROM a:latest\nUSER x\n"),
        ("DL3008", "FROM a:1\nRUN apt-get install -y curl=1 git\nUSER x\n"),
        ("DL3009", "FROM a:1\nRUN apt-get update && apt-get install -y x=1\nUSER x\n"),
        ("DL3011", "FROM a:1\nEXPOSE 70000\nUSER x\n"),
        ("DL3013", "FROM a:1\nRUN pip install requests\nUSER x\n"),
        ("DL3014", "FROM a:1\nRUN apt-get install x=1\nUSER x\n"),
        ("DL3015", "FROM a:1\nRUN apt-get install -y x=1\nUSER x\n"),
        ("DL3016", "FROM a:1\nRUN npm install -g left-pad\nUSER x\n"),
        ("DL3020", "FROM a:1\nADD x /x\nUSER x\n"),
        ("DL3025", "FROM a:1\nCMD run me\nUSER x\n"),
        ("DL3032", "FROM a:1\nRUN yum install -y x\nUSER x\n"),
        ("DL3042", "FROM a:1\nRUN pip install x==1\nUSER x\n"),
        ("DC1000", "RUN id\n"),
        ("DC1001", "FROM a:1\nENV API_TOKEN=x\nUSER x\n"),
        ("DC1002", "FROM a:1\nRUN curl -s https://x | sh\nUSER x\n"),
        ("DC1003", "FROM a:1\nRUN apt-get install -y docker.io=1\nUSER x\n"),
        ("DC1004", "FROM a:1\nRUN pip install --trusted-host x y==1\nUSER x\n"),
        ("DC1005", "FROM a:1\nRUN chmod -R 777 /x\nUSER x\n"),
    ],
)
def test_each_rule_finds_its_breach_and_its_absence(rule: str, dockerfile: str) -> None:
    clean = "FROM a:1\nRUN apt-get update && apt-get install -y --no-install-recommends x=1 && rm -rf /var/lib/apt/lists/*\n"
    clean += 'RUN pip install --no-cache-dir y==1\nCOPY a /a\nEXPOSE 80\nWORKDIR /w\nUSER x\nCMD ["a"]\n'
    assert rule in {finding.rule for finding in lint(dockerfile)}
    assert lint(clean) == []


def test_every_rule_is_in_the_documentation() -> None:
    page = (ROOT / "docs/images.md").read_text()
    for rule in RULES:
        assert f"| {rule.id} | {rule.severity} | {rule.message} |" in page


def test_a_stage_of_its_own_needs_no_tag() -> None:
    assert lint("FROM debian:12.5 AS one\nFROM one\nUSER dev\n") == []
    assert [one.rule for one in lint("FROM debian:12.5 AS one\nFROM other\nUSER dev\n")] == ["DL3006"]
