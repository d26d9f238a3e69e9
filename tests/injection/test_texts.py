"""What a model writes into comments, pull requests and commits reaches nobody by itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcrew.output import print_error, print_line, print_table
from specs import quiet

MARKS = ("[skip ci]", "[CI skip]", "[no ci]", "[skip actions]", "***NO_CI***", "Signed-off-by: A", "skip-checks:true")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("thanks @ann and @org/team", "thanks @ ann and @ org/team"),
        ("write to ann@example.org", "write to ann@example.org"),
        ("use `@cached` here", "use `@cached` here"),
        ("``@ann`", "''@ ann'"),
        ("\\`@ann\\`", "\\'@ ann\\'"),
        ("Fixes #999", "Fixes issue #999"),
        ("closes: other/repo#1", "closes: issue other/repo#1"),
        ("resolved https://github.com/o/r/issues/1", "resolved issue https://github.com/o/r/issues/1"),
        ("it fixes the bug", "it fixes the bug"),
        ("Tidy up [skip ci]", "Tidy up (skip ci)"),
        ("[ci skip] Tidy", "(ci skip) Tidy"),
        ("[NO CI] [skip actions] [actions skip]", "(NO CI) (skip actions) (actions skip)"),
        ("[skip azurepipelines] ***NO_CI***", "(skip azurepipelines) (NO_CI)"),
        ("`[skip ci]` in code as well", "`(skip ci)` in code as well"),
        ("see [the skipped tests](docs/skip.md)", "see [the skipped tests](docs/skip.md)"),
        ("Co-authored-by: Ada <ada@example.org>", "Co-authored-by (so it says): Ada &lt;ada@example.org>"),
        ("x\n\nSigned-off-by : Ada", "x\n\nSigned-off-by (so it says) : Ada"),
        ("skip-checks: true", "skip-checks (so it says): true"),
        ("Roadcrew-Task: T-102", "Roadcrew-Task (so it says): T-102"),
        ("Note: a re-run is quick", "Note: a re-run is quick"),
        ("![x](https://x.example/?q=secret)", "!\\[x](https://x.example/?q=secret)"),
        ('<img src="https://x.example">', '&lt;img src="https://x.example">'),
        ("<!-- roadcrew:kickoff:F-1 -->", "&lt;!-- roadcrew:kickoff:F-1 -->"),
        ("a\x1b]0;owned\x07b\u202ec", "a]0;ownedbc"),
    ],
)
def test_text_calls_nobody_closes_nothing_loads_nothing_hides_nothing(text: str, shown: str) -> None:
    assert quiet(text) == shown


@given(st.text(alphabet="@a`\\ #1<![]()~\n-fixes", max_size=60))
def test_no_mention_stands_outside_a_plain_code_span(text: str) -> None:
    for line in quiet(text).splitlines():
        prose = re.sub(r"`[^`]+`", "(code)", line)
        assert not re.search(r"(?<![\w@`/.])@[A-Za-z0-9]", prose)
        assert "`" not in prose
        assert "<" not in prose
        assert "![" not in prose


@given(st.text(alphabet="[]*- \n:=skipcnoatr_SIGNED", max_size=60), st.sampled_from(MARKS))
def test_no_check_is_left_out_and_nobody_signs(around: str, mark: str) -> None:
    """What code hosts, build services and git read in a message, wherever the text puts it."""
    shown = quiet(f"{around}{mark}{around}\n{mark}")
    assert not re.search(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]", shown, re.IGNORECASE)
    assert "***NO_CI***" not in shown
    assert not re.search(r"^\s*(signed-off-by|co-authored-by|skip-checks)\s*[:=]", shown, re.IGNORECASE | re.MULTILINE)


def test_what_commands_print_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b]0;owned\x07\x1b[2Jb\tc\nd"
    print_line(hostile)
    print_table(["x"], [[hostile]])
    print_error(ValueError(hostile))
    printed = "".join(capsys.readouterr())
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "b\tc\nd" in printed
