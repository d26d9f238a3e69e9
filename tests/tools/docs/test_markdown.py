"""Reading Markdown: anchors, links, fenced blocks; and following links inside a repository."""

import string

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.repositories import committed
from tools.docs.links import check_links
from tools.docs.markdown import github_slug, read_page
from tools.git import Mirror

PAGE = """# The *first* `thing`!

See [a](other.md#x "t"), ![i](img/a.png), <https://example.org>, [ref][r] and [gone][nowhere].

[r]: #the-first-thing

## Twice
## Twice
## Named {#own}
<a id="here"></a>

<!-- no-run: needs a server -->
```python title="x"
print("[no](link.md)")
```

```{.console}
$ ls
```
"""


def test_a_page_is_read() -> None:
    page = read_page(PAGE)
    assert {"the-first-thing", "twice", "twice-1", "twice_1", "own", "here"} <= page.anchors
    assert [(link.target, link.line) for link in page.links] == [
        ("other.md#x", 3),
        ("img/a.png", 3),
        ("https://example.org", 3),
        ("#the-first-thing", 3),
    ]
    assert [link.target for link in page.missing_references] == ["nowhere"]
    assert [(fence.language, fence.line, fence.mark) for fence in page.fences] == [
        ("python", 13, "<!-- no-run: needs a server -->"),
        ("console", 17, ""),
    ]
    assert page.fences[0].code == 'print("[no](link.md)")\n'


@given(st.text(max_size=300))
def test_any_text_is_a_page(text: str) -> None:
    lines = text.count("\n") + text.count("\r") + 1
    page = read_page(text)
    assert all(1 <= link.line <= lines + 1 for link in (*page.links, *page.missing_references))


CODE = st.lists(st.text(alphabet=string.printable.replace("`", "").replace("\r", "").replace("\x0b", "").replace("\x0c", ""), max_size=20), max_size=5)  # fmt: skip


@given(CODE, st.sampled_from(["python", "console", ""]))
def test_a_fenced_block_comes_back_as_it_was_written(parts: list[str], language: str) -> None:
    code = "".join(f"{part}\n" for part in parts)
    (fence,) = read_page(f"before\n\n````{language}\n{code}````\n\nafter\n").fences
    assert (fence.code, fence.language, fence.line) == (code.replace("\0", "\ufffd"), language, 3)


WORDS = st.text(alphabet=st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=0x24F), min_size=1, max_size=12)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_a_heading_can_be_linked_by_its_slug(words: list[str]) -> None:
    title = " ".join(words)
    assert github_slug(title) in read_page(f"# {title}\n").anchors


FILES = {
    "README.md": "# Top\n\n[guide](docs/guide.md#how), [self](#top), [dir](docs/), [issues](../../issues)\n",
    "docs/guide.md": "# How\n\n[up](../README.md)\n",
}


def test_links_that_lead_somewhere_are_followed(mirror: Mirror, first: str) -> None:
    commit = committed(mirror, first, FILES)
    assert check_links(mirror, first, commit, list(FILES)) == ([], 5)


def test_links_that_lead_nowhere_are_named_with_their_line(mirror: Mirror, first: str) -> None:
    text = "# A\n\n[x](gone.md)\n[y](docs/guide.md#no)\n[z](../../etc/passwd)\n[r][r]\n![i](/i%20j.png)\n"
    commit = committed(mirror, first, {**FILES, "A.md": text, "i j.png": "x"})
    found, _ = check_links(mirror, first, commit, ["A.md"])
    assert [(one.line, one.message) for one in found] == [
        (6, "the reference [r] is defined nowhere"),
        (3, "the link gone.md leads to gone.md, which is not there"),
        (4, "the link docs/guide.md#no leads to an anchor that docs/guide.md does not have"),
        (5, "the link ../../etc/passwd leads out of the repository"),
    ]


def test_a_change_that_breaks_links_of_other_documents_is_found(mirror: Mirror, first: str) -> None:
    base = committed(mirror, first, {**FILES, "old.md": "[old](never.md)\n"})
    head = committed(mirror, base, {"docs/guide.md": "# Renamed\n\n[up](../README.md)\n"})
    found, _ = check_links(mirror, base, head, ["docs/guide.md"])
    assert [(one.path, one.line) for one in found] == [("README.md", 3)]


def test_restructured_text_is_followed_too(mirror: Mirror, first: str) -> None:
    text = (
        "Title\n=====\n\n:doc:`guide` and :doc:`gone`\n\n.. image:: a.png\n\n`x <guide.rst>`_\n\n`y <http://[::1/x>`_\n"
    )
    commit = committed(mirror, first, {"docs/index.rst": text, "docs/guide.rst": "G\n=\n"})
    found, _ = check_links(mirror, first, commit, ["docs/index.rst"])
    assert [one.line for one in found] == [4, 6, 10]
