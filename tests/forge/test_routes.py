"""Every route of the REST API is asked for once, and its answer is held against GitHub's description."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.forge import conftest
from tests.forge.conformance import PREFIX
from tests.forge.conftest import ADMIN_TOKEN, Forge, Project, Receiver, git


class Tour:
    """A walk through one repository of a forge of its own."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def ask(self, method: str, path: str, sent: Any = None, *, status: int = 200, by: str = "ada") -> Any:
        """Ask for a route of the repository, or of the API where the path begins with `//`; returns the JSON."""
        whole = path[1:] if path.startswith("//") else f"/repos/{self.project.name}{path}"
        answer = self.project.forge.call(method, whole, by, json=sent)
        assert answer.status_code == status, f"{method} {whole}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None


def unasked(running: Forge) -> set[str]:
    """The API's routes that nobody asked this forge for."""
    file = running.data.parent / f"{running.data.name}.answers"
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    routes = {f"{verb} {rule}" for verb, rule in lines[0]["routes"] if rule.startswith(PREFIX)}
    return routes - {f"{line['method']} {line['rule']}" for line in lines[1:] if "rule" in line}


def test_every_route_of_the_api_is_asked_for(tmp_path: Path, receiver: Receiver) -> None:
    running = conftest.start(tmp_path / "data")
    try:
        tour = Tour(conftest.made_project(running, tmp_path, "tour"))
        for part in (
            people,
            repository,
            files,
            git_objects,
            issues,
            milestones,
            releases,
            search,
            hooks,
            rules,
            reviews,
            merge,
            leave,
        ):
            part(tour, receiver)
        assert unasked(running) == set()
    finally:
        assert conftest.stop(running) == 0


def people(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    for path in ("//", "//meta", "//rate_limit", "//user", "//user/1", "//users", "//users/bob", "//users/ada/repos"):
        ask("GET", path)
    for path in ("//user/repos", "//repositories", "/collaborators", "/collaborators/bob/permission"):
        assert ask("GET", path)
    ask("GET", "//user/999", status=404)
    ask("GET", "/collaborators/bob", status=204)
    ask("PUT", "/collaborators/bob", {"permission": "push"}, status=204)


def repository(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    ask("PATCH", "", {"description": "A tour"})
    assert ask("PUT", "/topics", {"names": ["Robots", "git", "git"]}) == {"names": ["robots", "git"]}
    ask("PUT", "/topics", {"names": ["no spaces"]}, status=422)
    assert ask("GET", "/topics")["names"] == ask("GET", "")["topics"] == ["robots", "git"]
    made = ask("POST", "//user/repos", {"name": "second", "private": True}, status=201)
    assert made["private"] and ask("GET", "//user")["owned_private_repos"] == 1
    assert ask("GET", "")["size"] > 0


def files(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    text = base64.b64encode(b"hello\n").decode()
    made = ask("PUT", "/contents/docs/a.md", {"message": "Add", "content": text, "branch": "main"}, status=201)
    blob = made["content"]["sha"]
    for path in ("/contents", "/contents/", "/contents/docs", "/contents/docs/a.md", "/readme", f"/git/blobs/{blob}"):
        ask("GET", path)
    ask("PUT", "/contents/docs/a.md", {"message": "Again", "content": text, "sha": blob})
    ask("DELETE", "/contents/docs/a.md", {"message": "Remove", "sha": blob})
    sha = ask("GET", "/branches/main")["commit"]["sha"]
    ask("POST", f"/statuses/{sha}", {"state": "success", "context": "ci"}, status=201)
    for path in ("status", "statuses", "check-runs", "check-suites", "pulls"):
        ask("GET", f"/commits/main/{path}")
    ask("POST", "/check-runs", {"name": "ci", "head_sha": sha}, status=403)
    for path in (f"/commits/{sha}", "/commits", f"/statuses/{sha}", f"/compare/{sha}...main", "/branches"):
        ask("GET", path)


def git_objects(tour: Tour, _receiver: Receiver) -> None:
    """A commit made of single objects, as Octokit's users do, holds just what was asked for."""
    ask = tour.ask
    tip = ask("GET", "/git/ref/heads/main")["object"]["sha"]
    base = ask("GET", f"/git/commits/{tip}")["tree"]["sha"]
    data = base64.b64encode(b"\x00binary").decode()
    blob = ask("POST", "/git/blobs", {"content": data, "encoding": "base64"}, status=201)["sha"]
    entries = [
        {"path": "bin/x", "mode": "100755", "type": "blob", "sha": blob},
        {"path": "text", "mode": "100644", "type": "blob", "content": "words\n"},
        {"path": "app.py", "mode": "100644", "type": "blob", "sha": None},
    ]
    tree = ask("POST", "/git/trees", {"base_tree": base, "tree": entries}, status=201)
    assert {each["path"] for each in tree["tree"]} == {"README.md", "bin", "text"}
    copied = [{"path": "copy", "mode": "040000", "type": "tree", "sha": tree["sha"]}]
    twice = ask("POST", "/git/trees", {"base_tree": tree["sha"], "tree": copied}, status=201)["sha"]
    inside = ask("GET", f"/git/trees/{twice}?recursive=1")["tree"]
    assert "copy/bin/x" in {each["path"] for each in inside}
    author = {"name": "Grace", "email": "grace@example.com", "date": "2024-01-02T03:04:05Z"}
    sent = {"message": "Made by hand", "tree": twice, "parents": [tip], "author": author}
    commit = ask("POST", "/git/commits", sent, status=201)
    assert commit["committer"]["name"] == "Grace" and commit["parents"][0]["sha"] == tip
    ask("POST", "/git/commits", {**sent, "tree": blob}, status=422)
    ask("POST", "/git/trees", {"tree": [{"path": ".git/config", "mode": "100644", "sha": blob}]}, status=422)
    ask("POST", "/git/refs", {"ref": "refs/heads/hand", "sha": commit["sha"]}, status=201)
    annotated = {"tag": "v1", "message": "First", "object": commit["sha"], "type": "commit", "tagger": author}
    tag = ask("POST", "/git/tags", annotated, status=201)
    assert ask("GET", f"/git/tags/{tag['sha']}") == tag and tag["tagger"]["name"] == "Grace"
    ask("POST", "/git/refs", {"ref": "refs/tags/v1", "sha": tag["sha"]}, status=201)
    ask("PATCH", "/git/refs/heads/hand", {"sha": tip, "force": True})
    for path in ("/git/refs", "/git/refs/heads/hand", "/git/matching-refs/tags", "/tags"):
        assert ask("GET", path)
    remote = tour.project.forge.remote(tour.project.name, "bob")
    git(tour.project.clone, "fetch", "-q", remote, "tag", "v1")
    assert git(tour.project.clone, "show", "v1:copy/text") == "words\n"
    git(tour.project.clone, "fsck", "--strict")
    ask("DELETE", "/git/refs/tags/v1", status=204)


def issues(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    ask("POST", "/labels", {"name": "a/b c", "color": "ff0000"}, status=201)
    ask("GET", "/labels/a%2Fb%20c")
    ask("PATCH", "/labels/a%2Fb%20c", {"description": "Both"})
    assert len(ask("GET", "/labels")) == 1
    number = ask("POST", "/issues", {"title": "One", "labels": ["a/b c"]}, status=201)["number"]
    one = f"/issues/{number}"
    for path in ("/issues", one, f"{one}/labels"):
        ask("GET", path)
    ask("PATCH", one, {"body": "Words"})
    assert len(ask("GET", "/assignees")) == 2
    ask("GET", "/assignees/bob", status=204)
    ask("GET", "/assignees/nobody", status=404)
    ask("POST", f"{one}/assignees", {"assignees": ["bob"]}, status=201)
    ask("DELETE", f"{one}/assignees", {"assignees": ["bob"]})
    comment = f"/issues/comments/{ask('POST', f'{one}/comments', {'body': 'Hello'}, status=201)['id']}"
    ask("PATCH", comment, {"body": "Hello again"})
    for thing in (one, comment):
        ask("POST", f"{thing}/reactions", {"content": "heart"}, status=201)
        assert len(ask("GET", f"{thing}/reactions")) == 1
    for path in (comment, f"{one}/comments", "/issues/comments"):
        ask("GET", path)
    ask("DELETE", comment, status=204)
    ask("POST", f"{one}/labels", {"labels": ["x", "y"]})
    ask("DELETE", f"{one}/labels/x")
    ask("PUT", f"{one}/labels", {"labels": ["z"]})
    ask("DELETE", f"{one}/labels", status=204)
    told = ask("GET", f"{one}/events")
    assert {event["event"] for event in told} == {"labeled", "unlabeled"}
    assert ask("GET", f"/issues/events/{told[0]['id']}")["issue"]["number"] == number
    ask("GET", "/issues/events/99999", status=404)
    ask("DELETE", "/labels/a%2Fb%20c", status=204)


def milestones(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    number = ask("POST", "/milestones", {"title": "v1"}, status=201)["number"]
    one = f"/milestones/{number}"
    ask("POST", "/issues", {"title": "Planned", "milestone": number, "labels": ["z"]}, status=201)
    assert ask("PATCH", one, {"description": "First"})["open_issues"] == 1
    for path in ("/milestones", one, f"{one}/labels"):
        assert ask("GET", path)
    ask("DELETE", one, status=204)


def releases(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    one = f"/releases/{ask('POST', '/releases', {'tag_name': 'r1'}, status=201)['id']}"
    assert ask("PATCH", one, {"body": "Words"})["body"] == "Words"
    for path in ("/releases", one, "/releases/latest", "/releases/tags/r1", f"{one}/assets"):
        ask("GET", path)
    ask("DELETE", one, status=204)


def search(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    assert ask("GET", "//search/issues?q=is:issue+Planned")["total_count"] == 1
    assert ask("GET", "//search/repositories?q=topic:robots")["items"][0]["score"] == 1.0


def hooks(tour: Tour, receiver: Receiver) -> None:
    ask = tour.ask
    config = {"url": receiver.url, "content_type": "json", "secret": "s3cret"}
    one = f"/hooks/{ask('POST', '/hooks', {'config': config, 'events': ['*']}, status=201)['id']}"
    receiver.take("ping")
    ask("POST", f"{one}/pings", status=204)
    receiver.take("ping")
    ask("PATCH", one, {"add_events": ["push"]})
    for path in ("/hooks", one, f"{one}/deliveries"):
        assert ask("GET", path)
    delivery = f"{one}/deliveries/{ask('GET', f'{one}/deliveries')[-1]['id']}"
    ask("GET", delivery)
    ask("POST", f"{delivery}/attempts", status=202)
    receiver.take("ping")
    ask("DELETE", one, status=204)


def rules(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    assert ask("GET", "/branches/main")["protection"]["required_status_checks"]["enforcement_level"] == "off"
    wanted = {
        "required_status_checks": {"strict": False, "contexts": ["ci"]},
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "enforce_admins": True,
        "restrictions": None,
    }
    base = "/branches/main/protection"
    ask("PUT", base, wanted)
    for path in ("", "/required_status_checks", "/required_pull_request_reviews", "/enforce_admins"):
        ask("GET", base + path)
    for branch in (ask("GET", "/branches/main", by="bob"), ask("GET", "/branches?per_page=100")[-1]):
        assert branch["protected"] and branch["protection"]["required_status_checks"]["contexts"] == ["ci"]
    ask("DELETE", base, status=204)


def reviews(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    git(tour.project.clone, "pull", "-q", tour.project.forge.remote(tour.project.name, "bob"), "main")
    tour.project.branch("feature", {"app.py": "one\n2\nthree\n"})
    opened = ask("POST", "/pulls", {"title": "F", "head": "feature", "base": "main"}, status=201, by="bob")
    one = f"/pulls/{opened['number']}"
    for path in ("/pulls", one, f"{one}/files", f"{one}/commits"):
        ask("GET", path)
    ask("PATCH", one, {"title": "Feature"})
    asked = f"{one}/requested_reviewers"
    ask("POST", asked, {"reviewers": ["ada"]}, status=201)
    assert len(ask("GET", asked)["users"]) == 1
    ask("DELETE", asked, {"reviewers": ["ada"]})
    remark = {"path": "app.py", "line": 2, "body": "Why?"}
    draft = f"{one}/reviews/{ask('POST', f'{one}/reviews', {'comments': [remark]})['id']}"
    ask("PUT", draft, {"body": "Thoughts"})
    ask("DELETE", draft)
    final = f"{one}/reviews/{ask('POST', f'{one}/reviews', {'comments': [remark]})['id']}"
    ask("POST", f"{final}/events", {"event": "APPROVE"})
    for path in (f"{one}/reviews", final, f"{final}/comments", f"{one}/comments"):
        assert ask("GET", path)
    whole = ask("POST", f"{one}/comments", {"path": "app.py", "body": "All of it", "subject_type": "file"}, status=201)
    assert whole["subject_type"] == "file" and "line" not in whole
    key = ask("POST", f"{one}/comments", {**remark, "line": 3}, status=201)["id"]
    answered = ask("POST", f"{one}/comments/{key}/replies", {"body": "Because"}, status=201, by="bob")
    assert answered["position"] == answered["original_position"] == 4
    comment = f"/pulls/comments/{key}"
    ask("PATCH", comment, {"body": "Hm?"})
    ask("POST", f"{comment}/reactions", {"content": "+1"}, status=201)
    for path in (comment, f"{comment}/reactions"):
        ask("GET", path)
    ask("DELETE", comment, status=204)
    ask("PUT", f"{final}/dismissals", {"message": "Later"})


def merge(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    number = ask("GET", "/pulls")[0]["number"]
    one = f"/pulls/{number}"
    content = base64.b64encode(b"more").decode()
    ask("PUT", "/contents/more", {"message": "More", "content": content}, status=201)
    ask("PUT", f"{one}/update-branch", status=202)
    ask("GET", f"{one}/merge", status=404)
    ask("PUT", f"{one}/merge", {"merge_method": "squash"})
    ask("GET", f"{one}/merge", status=204)
    ask("PUT", f"{one}/merge", status=405)


def leave(tour: Tour, _receiver: Receiver) -> None:
    ask = tour.ask
    ask("DELETE", "/collaborators/bob", status=204)
    ask("DELETE", "", status=204)
    operator = {"Authorization": f"token {ADMIN_TOKEN}"}
    gone = tour.project.forge.call("DELETE", "/admin/users/bob/authorizations", headers=operator)
    assert gone.status_code == 204
