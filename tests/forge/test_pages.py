"""The pages, as a browser without scripts meets them."""

import re

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from forge.pages.markup import markdown
from tests.forge.conftest import Forge, Project

HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script> [x](javascript:alert(3)) "><b>'


class Browser:
    """A cookie jar that fills in forms."""

    def __init__(self, forge: Forge, login: str | None = None) -> None:
        self.url = forge.url
        self.session = requests.Session()
        if login:
            done = self.send("/login", "/login", token=forge.token(login))
            assert done.status_code == 200 and login in done.text

    def get(self, path: str) -> requests.Response:
        """A page."""
        return self.session.get(self.url + path, timeout=20)

    def send(self, page: str, target: str, **fields: str) -> requests.Response:
        """Send a form with the hidden fields of the page that it is on."""
        hidden = dict(re.findall(r'name="(form_token|sha)" value="([^"]+)"', self.get(page).text))
        return self.session.post(self.url + target, data={**hidden, **fields}, timeout=20)


def test_person_files_an_issue_comments_and_closes_it(project: Project) -> None:
    browser = Browser(project.forge, "bob")
    new = f"/{project.name}/issues/new"
    shown = browser.send(new, new, title="From the page", body="Line\r\n**bold**")
    assert "<strong>bold</strong>" in shown.text
    page = f"/{project.name}/issues/1"
    browser.send(page, f"{page}/comment", body="Done here", state="closed")
    issue = project.ada.get_issue(1)
    assert (issue.state, issue.body, issue.comments) == ("closed", "Line\n**bold**", 1)


def test_person_approves_and_merges_a_pull_request(project: Project) -> None:
    project.branch("feature/one", {"app.py": "one\n2\nthree\n"})
    pull = project.bob.create_pull(base="main", head="feature/one", title="F", body="B")
    project.ada.get_branch("main").edit_protection(required_approving_review_count=1, enforce_admins=True)
    page = f"/{project.name}/pull/{pull.number}"
    browser = Browser(project.forge, "ada")
    assert "At least 1 approving review" in browser.get(page).text
    assert re.search(r"<button class=\"primary\" disabled>Merge", browser.get(page).text)
    assert "by reviewers with write access" in browser.send(page, f"{page}/merge", method="squash").text
    changes = browser.get(f"{page}/files").text
    assert '<tr class="add">' in changes and "app.py" in changes
    assert "Approved" in browser.send(page, f"{page}/review", event="APPROVE", body="Good").text
    assert "merged this as" in browser.send(page, f"{page}/merge", method="squash").text
    assert project.ada.get_pull(pull.number).merged
    for tab in ("commits", "checks"):
        assert browser.get(f"{page}/{tab}").status_code == 200
    assert browser.get(f"{page}.diff").text.startswith("diff --git")


def test_own_pull_request_has_no_approve_button_and_refuses_the_form(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="F")
    page = f"/{project.name}/pull/{pull.number}"
    browser = Browser(project.forge, "bob")
    assert 'value="APPROVE"' not in browser.get(page).text
    refused = browser.send(page, f"{page}/review", event="APPROVE")
    assert refused.status_code == 422 and "own pull request" in refused.text


def test_merge_of_a_head_that_moved_is_refused(project: Project) -> None:
    project.branch("feature", {"a.txt": "a\n"})
    pull = project.bob.create_pull(base="main", head="feature", title="F")
    page = f"/{project.name}/pull/{pull.number}"
    browser = Browser(project.forge, "ada")
    assert browser.send(page, f"{page}/merge", method="merge", sha="0" * 40).status_code == 409
    assert not pull.is_merged()


def test_form_without_its_token_changes_nothing(project: Project) -> None:
    project.ada.create_issue(title="One")
    browser = Browser(project.forge, "ada")
    answer = browser.session.post(
        f"{project.forge.url}/{project.name}/issues/1/comment", data={"body": "forged"}, timeout=20
    )
    assert answer.status_code == 400
    assert project.ada.get_issue(1).comments == 0


def test_wrong_token_does_not_sign_in_and_signing_out_ends_it(project: Project) -> None:
    stranger = Browser(project.forge)
    assert stranger.send("/login", "/login", token="ghp_wrong").status_code == 401
    browser = Browser(project.forge, "ada")
    project.ada.edit(private=True)
    assert browser.get(f"/{project.name}").status_code == 200
    browser.send("/", "/logout")
    assert browser.get(f"/{project.name}").status_code == 404
    cookie = Browser(project.forge, "ada").session.cookies
    assert [each.has_nonstandard_attr("HttpOnly") for each in cookie] == [True]


def test_hostile_text_is_shown_and_does_not_run(project: Project) -> None:
    project.branch("feature", {f"{HOSTILE[:20].replace('/', '')}.txt": HOSTILE + "\n", "README.md": HOSTILE})
    issue = project.bob.create_issue(title=HOSTILE, body=HOSTILE)
    issue.create_comment(HOSTILE)
    pull = project.bob.create_pull(base="main", head="feature", title=HOSTILE, body=HOSTILE)
    home = f"/{project.name}"
    browser = Browser(project.forge, "ada")
    paths = [
        "/issues",
        f"/issues/{issue.number}",
        f"/pull/{pull.number}",
        f"/pull/{pull.number}/files",
        "/tree/feature",
    ]
    for path in paths:
        page = browser.get(home + path)
        assert page.status_code == 200, path
        assert "<script" not in page.text and "<img" not in page.text, path
        assert 'href="javascript' not in page.text, path
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    raw = browser.get(f"{home}/raw/feature/README.md")
    assert raw.headers["Content-Type"].startswith("text/plain") and "sandbox" in raw.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/tree/feature/x/src", "/blob/feature/x/src/a.py", "/raw/feature/x/src/a.py"])
def test_branches_with_slashes_have_pages(project: Project, path: str) -> None:
    project.branch("feature/x", {"src/a.py": "print(1)\n"})
    assert Browser(project.forge).get(f"/{project.name}{path}").status_code == 200


def test_absent_pages_answer_404_and_other_hosts_are_refused(forge: Forge) -> None:
    browser = Browser(forge)
    assert browser.get("/nobody/nothing").status_code == 404
    assert browser.get("/nobody/nothing/issues/99").status_code == 404
    answer = requests.get(forge.url, headers={"Host": "evil.example"}, timeout=20)
    assert answer.status_code == 400


@given(st.text(st.sampled_from("<>&\"'`*_[]()!#- \n\tascriptjvonerror:=/"), max_size=80))
def test_markdown_never_lets_a_tag_of_its_own_through(text: str) -> None:
    shown = markdown(text)
    tags = set(re.findall(r"<([a-zA-Z]+)", shown))
    known = {"p", "br", "em", "strong", "code", "pre", "ul", "ol", "li", "h", "hr", "blockquote", "a", "img", "s"}
    assert tags <= known
    assert not re.search(r"(?:href|src)=\"\s*javascript", shown, re.IGNORECASE)


def test_commits_pull_requests_and_pictures_have_pages(project: Project) -> None:
    anyone = Browser(project.forge)
    sha = project.branch("feature", {"a.txt": "a\n"}, "Words of the commit")
    pull = project.bob.create_pull(base="main", head="feature", title="Listed")
    assert "Words of the commit" in anyone.get(f"/{project.name}/commit/{sha}").text
    assert "Listed" in anyone.get(f"/{project.name}/pulls").text
    picture = requests.get(pull.user.avatar_url, timeout=20)
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/svg+xml")
    assert ">B</text>" in picture.text
    assert anyone.get("/avatars/999").status_code == 404
    style = re.search(r'href="(/static/[^"]+)"', anyone.get("/").text)
    assert style and anyone.get(style[1]).status_code == 200
