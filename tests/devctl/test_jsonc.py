"""JSON with comments: read with places, changed without losing a word."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from devctl.jsonc import JsoncInvalid, add_element, add_member, parse

TASKS = """// what the team runs
{
    "version": "2.0.0", // of the schema
    /* in this order */
    "tasks": [
        {"label": "old"}, // kept
        // the last word
    ]
}
"""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_plain_json_reads_as_the_standard_library_reads_it(value: JsonValue) -> None:
    assert parse(json.dumps(value, indent=1)).value() == value


@given(st.text(alphabet='{}[]",:/* \n\\at1-', max_size=30))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    try:
        parse(text)
    except JsoncInvalid as error:
        assert 1 <= error.line <= text.count("\n") + 1
        assert 1 <= error.column <= len(text) + 1


def test_comments_and_trailing_commas_are_passed_over() -> None:
    assert parse(TASKS).value() == {"version": "2.0.0", "tasks": [{"label": "old"}]}
    assert parse('{"url": "http://a//b", "c": "/* no */",}').value() == {"url": "http://a//b", "c": "/* no */"}


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3, "comma"),
        ('{"a" 1}', 1, 6, "colon"),
        ("{'a': 1}", 1, 2, "double quotes"),
        ('{"a": tru}', 1, 7, "value"),
        ('{"a": 1', 1, 8, "the end"),
        ('{"a": 1, "a": 2}', 1, 10, "twice"),
        ('{"a": "b\n"}', 1, 9, "control character"),
        ("/* never", 1, 1, "comment"),
        ("{} x", 1, 4, "follow"),
        ("", 1, 1, "the end"),
        ("[" * 200, 1, 102, "deeper"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(text: str, line: int, column: int, word: str) -> None:
    with pytest.raises(JsoncInvalid) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert word in caught.value.problem


def test_an_added_element_leaves_comments_order_and_indentation() -> None:
    tasks = parse(TASKS).get("tasks")
    assert tasks is not None
    changed = add_element(TASKS, tasks, {"label": "new"})
    assert changed == TASKS.replace(
        "        // the last word\n",
        '        // the last word\n        {\n          "label": "new"\n        }\n',
    )
    assert parse(changed).value() == {"version": "2.0.0", "tasks": [{"label": "old"}, {"label": "new"}]}


def test_a_line_comment_after_the_last_member_does_not_swallow_what_is_added() -> None:
    text = '{\r\n\t"a": 1 // one\r\n}\r\n'
    changed = add_member(text, parse(text), "b", [2])
    assert parse(changed).value() == {"a": 1, "b": [2]}
    assert '"a": 1, // one\r\n\t"b"' in changed
    assert "\n" not in changed.replace("\r\n", "")


@given(st.lists(values, max_size=3), values, st.sampled_from([None, 1, 2, "\t"]))
def test_what_is_added_is_read_again(items: list[JsonValue], more: JsonValue, indent: int | str | None) -> None:
    text = json.dumps(items, indent=indent)
    assert parse(add_element(text, parse(text), more)).value() == [*items, more]
    text = json.dumps({str(index): item for index, item in enumerate(items)}, indent=indent)
    assert parse(add_member(text, parse(text), "more", more)).value() == {**json.loads(text), "more": more}
