"""What a model writes into comments, pull requests and commits reaches nobody by itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadcrew.output import print_error, print_line, print_table
from specs import quiet


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


def test_what_commands_print_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b]0;owned\x07\x1b[2Jb\tc\nd"
    print_line(hostile)
    print_table(["x"], [[hostile]])
    print_error(ValueError(hostile))
    printed = "".join(capsys.readouterr())
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "b\tc\nd" in printed
