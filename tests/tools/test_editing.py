"""Exact replacement, its misses, numbered views, paths: without an environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.editing import FILE_BYTES, as_text, clean_path, numbered, replaced
from tools.errors import ToolError
from tools.observation import cut_middle

SOURCE = (
    "def add(a, b):\n    total = a + b\n    return total\n\n\ndef sub(a, b):\n    total = a - b\n    return total\n"
)


def test_the_one_passage_is_replaced_and_its_line_told() -> None:
    changed, line = replaced(SOURCE, "total = a - b", "total = b - a", "calc.py")
    assert line == 7
    assert changed == SOURCE.replace("a - b", "b - a")


def test_a_passage_that_is_there_twice_is_refused_with_its_lines() -> None:
    with pytest.raises(ToolError, match="2 times, at lines 3, 8") as caught:
        replaced(SOURCE, "    return total", "    return 0", "calc.py")
    assert "add lines before or after" in caught.value.hint


def test_a_miss_shows_the_nearest_lines_as_they_are() -> None:
    with pytest.raises(ToolError) as caught:
        replaced(SOURCE, "def sub(a, b):\n    total = a minus b\n", "x", "calc.py")
    assert "did you mean lines 6 to 7" in caught.value.hint
    assert "def sub(a, b):\n    total = a - b" in caught.value.shown


def test_a_miss_by_white_space_alone_is_told_as_such() -> None:
    with pytest.raises(ToolError) as caught:
        replaced(SOURCE, "def sub(a, b):\n  total = a - b", "x", "calc.py")
    assert caught.value.hint.startswith("only white space differs; did you mean lines 6 to 7")


def test_a_miss_without_anything_alike_asks_to_view_the_file() -> None:
    with pytest.raises(ToolError) as caught:
        replaced(SOURCE, "zzzz qqqq\nwwww", "x", "calc.py")
    assert "view the file" in caught.value.hint


@pytest.mark.parametrize(("old", "new"), [("", "x"), ("total", "total")])
def test_an_edit_that_says_nothing_is_refused(old: str, new: str) -> None:
    with pytest.raises(ToolError):
        replaced(SOURCE, old, new, "calc.py")


def test_a_file_with_crlf_keeps_its_line_ends() -> None:
    changed, _ = replaced("a\r\nb\r\nc\r\n", "a\nb", "x\ny", "f")
    assert changed == "x\r\ny\r\nc\r\n"


@given(before=st.text(max_size=60), old=st.text(min_size=1, max_size=20), new=st.text(max_size=20), after=st.text())
def test_an_edit_does_what_its_words_say_or_says_why_not(before: str, old: str, new: str, after: str) -> None:
    text = before + old + after
    try:
        changed, line = replaced(text, old, new, "f")
    except ToolError:
        assert old == new or text.count(old) != 1 or text.find(old, text.find(old) + 1) >= 0
        return
    assert changed == before + new + after
    assert replaced(changed, new, old, "f")[0] == text if new and changed.count(new) == 1 else True
    assert line == before.count("\n") + 1


@given(text=st.text(), old=st.text())
def test_any_miss_is_a_tool_error(text: str, old: str) -> None:
    try:
        changed, _ = replaced(text, old, "\0 not in any text", "f")
    except ToolError as error:
        assert error.hint
    else:
        assert changed != text


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\0b", "", "  ", ".git/config", "a/.GIT/hooks"])
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(ToolError):
        clean_path(path)


@pytest.mark.parametrize("path", ["/work/src/a.py", "./src/a.py", "src//a.py", "src/./a.py"])
def test_paths_are_brought_to_one_form(path: str) -> None:
    assert clean_path(path) == "src/a.py"


def test_a_view_shows_numbers_and_stays_within_the_file() -> None:
    shown, first, last, total = numbered(SOURCE, "calc.py", 6, 99)
    assert (first, last, total) == (6, 8, 8)
    assert shown.splitlines()[0] == "     6\tdef sub(a, b):"
    with pytest.raises(ToolError, match="there is no line 9"):
        numbered(SOURCE, "calc.py", 9, None)
    with pytest.raises(ToolError, match="before the start"):
        numbered(SOURCE, "calc.py", 3, 2)


def test_a_long_view_is_cut_at_whole_lines() -> None:
    shown, first, last, total = numbered("x" * 5000 + "\n" + "y\n" * 1000, "f", 1, None)
    assert (first, last, total) == (1, 400, 1001)
    assert "[… line cut]" in shown.splitlines()[0]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"x" * (FILE_BYTES + 1)])
def test_what_is_no_text_is_refused(content: bytes) -> None:
    with pytest.raises(ToolError):
        as_text(content, "f")


@given(text=st.text(), limit=st.integers(min_value=200, max_value=1000))
def test_a_cut_text_keeps_its_ends_and_counts_the_rest(text: str, limit: int) -> None:
    text = text * 40
    shown = cut_middle(text, limit)
    assert len(shown) <= limit + 200
    if len(text) <= limit:
        assert shown == text
    else:
        head, _, rest = shown.partition("\n[… ")
        assert text.startswith(head)
        assert text.endswith(rest.partition(" …]\n")[2])
