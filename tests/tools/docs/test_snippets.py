"""Snippets of documents: which are run, in real environments, and what they must print."""

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devctl import Launcher
from tests.tools.repositories import committed
from tools.docs import DocReport, DocumentationChange
from tools.docs.snippets import commands_of, same_output, snippets_of
from tools.git import Mirror
from tools.worktree import WorkTree, open_worktree

Check = Callable[..., DocReport]


@pytest.fixture
def checked(launcher: Launcher, mirror: Mirror, first: str) -> Check:
    """Checks the change of a few files on a base of a few files."""

    def check(base: dict[str, str], change: dict[str, str]) -> DocReport:
        before = committed(mirror, first, base)
        commit = committed(mirror, before, change)

        def opened(at: str) -> WorkTree:
            return open_worktree(launcher, mirror, at)

        return DocumentationChange(mirror, before, commit, open_tree=opened).check()

    return check


def test_blocks_of_a_page_share_one_session_and_run_on_the_code(checked: Check) -> None:
    page = (
        "```python\nfrom shop import total\nx = total([1, 2])\n```\n\n```python\nprint(x)\n```\n\n```output\n3\n```\n\n"
        "```pycon\n>>> x + 1\n4\n>>> total([])\n0\n```\n"
    )
    report = checked({"shop.py": "def total(items):\n    return sum(items)\n"}, {"README.md": page})
    assert (report.findings, report.snippets, report.left) == ((), 3, 0)
    assert report.verdict == "docs: 0 needs met, 0 links, 3 snippets"


def test_what_fails_or_prints_something_else_is_found_on_its_line(checked: Check) -> None:
    page = (
        "# A\n\n```python\nx = 1\ny = x / 0\n```\n\n```pycon\n>>> x\n1\n>>> x + 1\n3\n```\n\n"
        "```python\nprint('a')\n```\n```output\nb\n```\n\n```python\ndef (:\n```\n\n```python\nimport sys; sys.exit(3)\n```\n"
    )
    report = checked({}, {"README.md": page})
    assert [(found.line, found.check) for found in report.findings] == [
        (line, "snippet") for line in (5, 11, 15, 23, 27)
    ]
    messages = [found.message for found in report.findings]
    assert "ZeroDivisionError" in messages[0]
    assert "expected '3', got '2'" in messages[1]
    assert "prints 'a', the document says 'b'" in messages[2]
    assert report.verdict == "docs: 5 findings (5 snippet)"


def test_sessions_run_with_their_variables_and_outputs(checked: Check) -> None:
    page = (
        "```console\n$ mkdir d && cd d\n$ export N=7\n$ echo $N $(true)\n```\n\n"
        "<!-- run -->\n```console\n$ cd / && export N=8\n$ echo $N in $(pwd)\n8 in /\n```\n\n"
        "```sh\n$ python -m shop \\\n>   two\n['two']\n...\n```\n"
        "```console\n$ echo one\ntwo\n```\n```console\n$ false\n```\n```sh\necho not a session\n```\n"
    )
    report = checked({"shop.py": "import sys\nprint(sys.argv[1:])\n"}, {"README.md": page})
    assert [(found.line, found.message.split("`")[1]) for found in report.findings] == [(21, "echo one"), (25, "false")]
    assert (report.snippets, report.left) == (4, 1)


def test_what_cannot_run_here_is_left_and_counted(checked: Check) -> None:
    page = (
        "```console\n$ pip install shop\n```\n\n<!-- no-run: needs a server -->\n```python\nimport nowhere\n```\n\n"
        "```console\n$ python -m venv .venv\n```\n"
    )
    report = checked({}, {"README.md": page})
    assert (report.findings, report.snippets, report.left) == ((), 0, 3)
    assert "README.md:6 was not run: needs a server." in report.notes


def test_a_snippet_that_failed_before_is_not_the_changes_fault(checked: Check) -> None:
    old = "# A\n\n```python\nimport nowhere\n```\n\n```python\nimport shop\nassert shop.NEW == 1\n```\n"
    report = checked(
        {"README.md": old, "shop.py": "NEW = 1\n"}, {"README.md": f"{old}\nMore.\n", "shop.py": "NEW = 2\n"}
    )
    assert [found.line for found in report.findings] == [9]
    assert any("failed before the change" in note for note in report.notes)


def test_snippets_leave_no_files_to_the_next_document(checked: Check) -> None:
    write, read = "open('x', 'w').close()", "import os; assert not os.path.exists('x')"
    report = checked({}, {"a.md": f"```python\n{write}\n```\n", "b.md": f"```python\n{read}\n```\n"})
    assert report.green


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [("a\n", "a  \n\n", True), ("a ... c", "a b c", True), ("a", "ab", False), ("...", "any\nthing", True)],
)
def test_outputs_are_compared_without_trailing_space(expected: str, actual: str, same: bool) -> None:
    assert same_output(expected, actual) is same


LINE = st.text(alphabet=string.ascii_letters + " -", min_size=1, max_size=12).map(lambda text: f"x{text}".rstrip())


@given(st.lists(st.tuples(LINE, st.lists(LINE, max_size=3)), min_size=1, max_size=4))
def test_a_session_is_read_back_as_it_was_written(session: list[tuple[str, list[str]]]) -> None:
    text = "".join(f"$ {command}\n" + "".join(f"{line}\n" for line in output) for command, output in session)
    found = [(one.text, one.expected) for one in commands_of(text, 1)]
    assert found == [(command, "\n".join(output) or None) for command, output in session]


@given(st.text(max_size=200))
def test_any_session_can_be_read(code: str) -> None:
    page = f"~~~~~~~~console\n{code}\n~~~~~~~~\n"
    assert all(one.line >= 1 for one in snippets_of("a.md", page))


RST = """Shop
====

.. code:: python

    from shop import total
    x = total([1, 2])

Text, and then

.. code-block:: pycon
   :linenos:

   >>> x
   3

>>> x + 1
5

.. no-run: needs a server

.. code-block:: python

    import nothing_of_the_kind

.. code-block:: console

    $ echo one
    two

.. code-block:: rust

    fn main() {}
"""


def test_blocks_of_restructured_text_are_run_like_those_of_markdown(checked: Check) -> None:
    report = checked({"shop.py": "def total(items):\n    return sum(items)\n"}, {"README.rst": RST})
    assert [(found.line, found.check) for found in report.findings] == [(17, "snippet"), (28, "snippet")]
    assert "expected '5', got '4'" in report.findings[0].message
    assert (report.snippets, report.left) == (4, 1)
    rust = "README.rst: 1 of rust not run: only Python and shell sessions are."
    assert report.notes == ("README.rst:23 was not run: needs a server.", rust)


@given(st.text(alphabet=" \n.:>code-blkpythn_$", max_size=200))
def test_any_restructured_text_has_its_blocks_in_order_and_within_it(text: str) -> None:
    found = snippets_of("a.rst", text)
    lines = [one.line for one in found]
    assert lines == sorted(lines)
    assert all(line <= len(text.splitlines()) for line in lines)
