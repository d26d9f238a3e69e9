"""The audit, the stock, the hosts and the reasons, for those who may see them."""

import pytest

from devctl.fleet.records import User
from devctl.serve.server import Server
from tests.devctl.fleets import ADA, BOB, ROOT
from tests.devctl.serve.conftest import Callers
from tests.devctl.serve.services import Caller, token_of
from tests.devctl.serve.test_environments import make


def test_users_see_their_own_lines_of_the_audit_and_admins_all(away: Server) -> None:
    admission = away.service.fleet.parts.admission
    for user in (ADA, BOB):
        admission.audit(user, "keep", f"of-{user.name}", False, ("because",))
    ada, root = (Caller(away.url, token_of(away, user)) for user in (ADA, ROOT))
    own = ada("GET", "/v1/audit?limit=10000").json["items"]
    assert {one["who"] for one in own} == {"ada"} and "of-ada" in {one["subject"] for one in own}
    assert {one["who"] for one in ada("GET", "/v1/audit?who=bob").json["items"]} == {"ada"}
    lines = root("GET", "/v1/audit?who=bob&denied=true&subject=of-bob").json["items"]
    assert (lines[-1]["allowed"], lines[-1]["reasons"]) == (False, ["because"])
    assert root("GET", "/v1/audit?limit=0").status == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/pool"), ("GET", "/v1/hosts"), ("POST", "/v1/hosts/one/drain"), ("POST", "/v1/hosts/one/undrain"),
        ("DELETE", "/v1/hosts/one"),
    ],
)  # fmt: skip
def test_hosts_and_stock_are_for_admins(away: Server, method: str, path: str) -> None:
    ada, root = (Caller(away.url, token_of(away, user)) for user in (ADA, ROOT))
    refused = ada(method, path)
    assert (refused.status, refused.json["reasons"]) == (403, ["only admins may do this"])
    assert root(method, path).status == (200 if method == "GET" else 404), "no host is called one"


def test_a_host_that_does_not_answer_is_not_added(away: Server) -> None:
    ada, root = (Caller(away.url, token_of(away, user)) for user in (ADA, ROOT))
    wish = {"name": "far", "address": "unix:///nowhere/docker.sock"}
    assert ada("POST", "/v1/hosts", wish).status == 403
    answer = root("POST", "/v1/hosts", wish)
    assert (answer.status, answer.json["kind"]) == (503, "HostUnreachable"), answer.body
    assert root("POST", "/v1/hosts", {**wish, "address": "tcp://far:2375"}).json["kind"] == "SettingsInvalid"
    assert "far" not in [one["host"]["name"] for one in root("GET", "/v1/hosts").json["items"]]


def test_why_says_what_the_reaper_thinks_to_the_owner_alone(as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    assert make(ada, backend, "blog").status == 201
    told = ada("GET", "/v1/environments/blog/why").json
    assert told["name"] == "blog" and told["verdict"]["reap"] is False and told["verdict"]["words"]
    assert told["rules"]["idle_seconds"] == 4 * 3600
    assert as_user(BOB)("GET", "/v1/environments/blog/why").status == 404


def test_viewers_make_no_images_and_users_only_names_of_their_own(away: Server) -> None:
    viewer = Caller(away.url, token_of(away, User(name="vic", tier="free", role="viewer")))
    ada = Caller(away.url, token_of(away, ADA))
    wish = {"base": "debian:12", "tag": "debian:12"}
    assert viewer("POST", "/v1/wizard", wish).json["reasons"] == ["viewers may not act"]
    assert viewer("POST", "/v1/scans", {"image": "debian:12"}).status == 403
    refused = ada("POST", "/v1/wizard", wish)
    assert (refused.status, refused.json["hint"]) == (403, "call it devctl-user/ada/NAME")
    assert ada("POST", "/v1/builds", {"tree": "u-0", "tag": "devctl-user/bob/x"}).status == 403
    assert ada("POST", "/v1/builds", {"tree": "u-0"}).json["kind"] == "NoSuchResource"
    assert ada("GET", "/v1/scans?image=never-seen").status == 404
    assert ada("POST", "/v1/scans", {"image": "--help"}).status == 422
    assert ada("GET", "/v1/images").status == 503, "its engine is away"


@pytest.mark.parametrize(
    ("method", "path", "body", "operation"),
    [
        ("POST", "/v1/reap", {"dry_run": True}, "reap"), ("POST", "/v1/prune", None, "prune"),
        ("GET", "/v1/doctor", None, "doctor"), ("POST", "/v1/doctor/gpu", {}, "doctor"),
        ("POST", "/v1/builds/sweep", {"days": 3000}, "sweep"),
        ("POST", "/v1/tokens", {"user": {"name": "eve"}}, "token"), ("DELETE", "/v1/tokens/none", None, "token"),
    ],
)  # fmt: skip
def test_the_machine_is_looked_after_by_admins_alone_and_the_audit_says_who(
    away: Server, method: str, path: str, body: object, operation: str
) -> None:
    ada, root = (Caller(away.url, token_of(away, user)) for user in (ADA, ROOT))
    refused = ada(method, path, body)
    assert (refused.status, refused.json["reasons"]) == (403, ["only admins may do this"])
    line = ada("GET", f"/v1/audit?operation={operation}&limit=10000").json["items"][-1]
    assert (line["allowed"], line["reasons"]) == (False, ["only admins may do this"])
    done = root(method, path, body)
    assert done.status in (200, 201, 202, 404, 503), done.body  # the engine of this service is away
    line = root("GET", f"/v1/audit?operation={operation}&who=root&limit=10000").json["items"][-1]
    assert (line["who"], line["allowed"]) == ("root", True)


def test_amounts_that_nobody_can_have_are_refused(away: Server) -> None:
    root = Caller(away.url, token_of(away, ROOT))
    for body in ({"days": -1}, {"max_mb": 1e300}, {"days": "old"}, {"hours": 3}):
        assert root("POST", "/v1/builds/sweep", body).status == 422, body
    assert root("POST", "/v1/builds/sweep", b'{"days": NaN}', Content_Type="application/json").status == 422
    assert root("POST", "/v1/doctor/gpu", {"image": ""}).status == 422
