"""Package registries: what they say, in one form, and which version a requirement would install."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.research.documents import node_document, python_document
from tests.tools.research.outside_server import OutsideServer, Reply
from tools.errors import SourceRefused, SourceUnavailable
from tools.research import node_registry, python_registry
from tools.research.advisories import Pin
from tools.research.outside import OutsideSources
from tools.research.settings import Ecosystem


def test_a_python_package_is_told(outside: OutsideSources, server: OutsideServer) -> None:
    server.packages["/pypi/shelf/json"] = python_document("shelf", "1.0", "1.1!", "1.2rc1", "1.10")
    text = outside.package("python", "shelf").text()
    for line in (
        "latest version: 1.10",
        "last release: 2026-01-04",
        "license: MIT",
        "needs: >=3.10",
        "maintainers: 2",
        "size of the latest version: 4321 bytes",
        "link: Documentation https://shelf.example.org/docs",
        "- 1.1 2026-01-02 needs >=3.10 withdrawn: broken",
    ):
        assert line in text.splitlines(), line
    assert [release.version for release in outside.package("python", "shelf").releases][:2] == ["1.10", "1.2rc1"]


def test_a_node_package_is_told(outside: OutsideSources, server: OutsideServer) -> None:
    document = node_document("@acme/shelf", "0.9.0", "1.10.0", "1.9.0")
    document["versions"]["0.9.0"]["deprecated"] = "use 1.x"
    server.packages["/npm/@acme/shelf"] = document
    facts = outside.package("node", "@acme/shelf")
    assert [release.version for release in facts.releases] == ["1.10.0", "1.9.0", "0.9.0"]
    assert facts.releases[-1].withdrawn == "use 1.x"
    assert (facts.latest, facts.license, facts.needs, facts.size) == ("1.9.0", "MIT", "node >=20", 777)
    assert server.asked == ["GET /npm/@acme%2Fshelf"]


def test_a_document_that_is_too_large_is_asked_for_in_the_short_form(
    outside: OutsideSources, server: OutsideServer
) -> None:
    server.faults["/npm/big"] = [Reply(b"0" * 3_000_000)]
    server.packages["/npm/big"] = node_document("big", "1.0.0")
    assert outside.package("node", "big").latest == "1.0.0"
    assert server.headers[-1]["accept"].startswith("application/vnd.npm.install-v1+json")


def test_credentials_of_an_index_are_sent_and_not_shown(server: OutsideServer, outside: OutsideSources) -> None:
    server.packages["/pypi/shelf/json"] = python_document("shelf", "1.0")
    address = server.url.replace("http://", "http://me:s%40cret@") + "/pypi"
    private = OutsideSources(outside.settings.model_copy(update={"pypi_url": address}))
    assert private.package("python", "shelf").address == f"{server.url}/pypi/shelf/json"
    assert server.headers[-1]["authorization"] == "Basic bWU6c0BjcmV0"


def test_an_unknown_package_is_refused(outside: OutsideSources) -> None:
    with pytest.raises(SourceRefused, match="the Python package index knows no such thing"):
        outside.package("python", "nobody")


@pytest.mark.parametrize("name", ["../x", "a/b", "a b", "", "-x", "x?y=z", "a" * 300])
def test_what_is_no_name_is_never_asked(outside: OutsideSources, server: OutsideServer, name: str) -> None:
    with pytest.raises(SourceRefused, match="is no name of a python package"):
        outside.package("python", name)
    assert server.asked == []


def test_a_registry_that_is_off_says_which_setting_turns_it_on(outside: OutsideSources) -> None:
    off = OutsideSources(outside.settings.model_copy(update={"pypi_url": None}))
    with pytest.raises(SourceUnavailable, match="could not be asked: it is turned off") as caught:
        off.package("python", "shelf")
    assert "ROADCREW_PYPI_URL" in caught.value.hint


CHOICES: list[tuple[Ecosystem, str, str | None]] = [
    ("python", "shelf", "2.0"),
    ("python", "shelf>=1,<2", "1.2"),
    ("python", "shelf[extra]~=1.0 ; python_version > '3'", "1.2"),
    ("python", "shelf==1.9", "1.9"),
    ("python", "shelf<0.5", None),
    ("python", "not a requirement!", None),
    ("node", "shelf", "2.1.0"),
    ("node", "shelf@^1.2", "1.4.0"),
    ("node", "shelf@~1.2.0", "1.2.3"),
    ("node", "shelf@1.x", "1.4.0"),
    ("node", "shelf@1.2.3", "1.2.3"),
    ("node", "shelf@>=1", "2.1.0"),
    ("node", "shelf@^0.2.0", "0.2.5"),
    ("node", "shelf@1 || 2", None),
    ("go", "example.org/shelf", None),
]


@pytest.mark.parametrize(("ecosystem", "requirement", "version"), CHOICES)
def test_the_version_that_would_be_installed(
    outside: OutsideSources, server: OutsideServer, ecosystem: Ecosystem, requirement: str, version: str | None
) -> None:
    server.packages["/pypi/shelf/json"] = python_document("shelf", "1.0", "1.2", "1.3!", "1.9rc1", "2.0")
    server.packages["/npm/shelf"] = node_document(
        "shelf", "0.2.0", "0.2.5", "0.3.0", "1.2.3", "1.4.0", "2.0.0-rc.1", "2.1.0"
    )
    expected = None if version is None else Pin(ecosystem=ecosystem, name="shelf", version=version)
    assert outside.would_install(ecosystem, requirement) == expected


keys = st.sampled_from(
    ["info", "name", "version", "releases", "urls", "versions", "time", "dist-tags", "latest", "1.0", "license"]
)
odd_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=15,
)


@given(odd_json)
def test_any_answer_of_a_registry_is_facts_or_no_answer(answer: Any) -> None:
    for facts_of in (python_registry.facts_of, node_registry.facts_of):
        for whole in (answer, {"info": {"name": "x", "version": "1"}, "releases": answer, "urls": answer},
                      {"name": "x", "versions": {"1.0": answer}, "time": answer, "maintainers": answer}):  # fmt: skip
            try:
                facts = facts_of(whole, "https://example.org/")
            except SourceUnavailable:
                continue
            assert facts.text()
