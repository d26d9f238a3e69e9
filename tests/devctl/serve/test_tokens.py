"""Who may call the service, and what it says to those who may not."""

from datetime import UTC, datetime, timedelta

import pytest

from devctl.errors import NoSuchResource, SettingsInvalid, TokenRefused
from devctl.fleet.database import Database
from devctl.fleet.records import User
from devctl.serve.server import Server
from devctl.serve.settings import ServeSettings
from devctl.serve.throttle import Throttle
from devctl.serve.tokens import Tokens
from tests.devctl.fleets import ADA, ROOT
from tests.devctl.serve.services import Caller, token_of


@pytest.fixture
def tokens(away: Server) -> Tokens:
    return away.service.tokens


def test_token_is_its_users_and_stands_nowhere_in_the_database(away: Server, tokens: Tokens) -> None:
    made = tokens.add(User(name="eve", tier="pro", role="viewer"), note="laptop")
    assert tokens.verify(made.secret) == User(name="eve", tier="pro", role="viewer")
    database: Database = away.service.fleet.parts.database
    stored = str(database.rows("SELECT * FROM token WHERE id = %s", made.token.id))
    assert made.secret.split("_", 2)[2] not in stored
    listed = next(one for one in tokens.listed() if one.id == made.token.id)
    assert (listed.note, listed.used is not None) == ("laptop", True)


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "x", lambda t: "", lambda t: "dvt__", lambda t: "dvt_\0_x", lambda t: t.replace("dvt", "xxx")])  # fmt: skip
def test_spoilt_token_is_refused(tokens: Tokens, spoil: object) -> None:
    made = tokens.add(ADA)
    with pytest.raises(TokenRefused, match="not known"):
        tokens.verify(spoil(made.secret))  # type: ignore[operator] # a function of the table above


def test_expired_and_removed_tokens_are_refused(tokens: Tokens) -> None:
    late = tokens.add(ADA, datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(TokenRefused):
        tokens.verify(late.secret)
    made = tokens.add(ADA, datetime.now(UTC) + timedelta(hours=1))
    assert tokens.verify(made.secret) == ADA
    tokens.remove(made.token.id)
    with pytest.raises(TokenRefused):
        tokens.verify(made.secret)
    with pytest.raises(NoSuchResource, match="devctl token ls"):
        tokens.remove(made.token.id)


def test_calls_without_a_known_token_are_problems_and_get_fewer(away: Server) -> None:
    away.service.throttle = Throttle(allowed=3)
    known = Caller(away.url, token_of(away, ADA))
    assert known("GET", "/v1/me").status == 200
    try:
        nobody = Caller(away.url)
        assert nobody("GET", "/v1/environments").json["kind"] == "TokenRefused"  # no guess, so it does not count
        wrong = Caller(away.url, "dvt_00000000_wrong")
        answers = [wrong("GET", "/v1/environments") for _ in range(4)]
        assert [one.status for one in answers] == [401, 401, 401, 429]
        assert answers[0].headers["www-authenticate"].startswith("Bearer")
        assert answers[0].headers["content-type"] == "application/problem+json"
        assert int(answers[3].headers["retry-after"]) > 0
        assert Caller(away.url, token_of(away, ADA))("GET", "/v1/me").status == 429
        assert known("GET", "/v1/me").status == 200, "who asked before does not wait for somebody else's failures"
        assert known("GET", "/metrics").status == 403
        away.service.tokens.remove(known.token.split("_")[1])
        assert known("GET", "/v1/me").status == 401
        assert nobody("GET", "/healthz").status == 200
    finally:
        away.service.throttle = Throttle()


def test_bucket_of_failures_empties_with_time() -> None:
    throttle = Throttle(allowed=2, seconds=10)
    throttle.failed("a", now=0)
    throttle.failed("a", now=0)
    assert throttle.wait("a", now=0) == 10 and throttle.wait("b", now=0) == 0
    assert throttle.wait("a", now=10) == 0


def test_admins_alone_make_and_list_tokens(away: Server) -> None:
    admin, user = Caller(away.url, token_of(away, ROOT)), Caller(away.url, token_of(away, ADA))
    made = admin("POST", "/v1/tokens", {"user": {"name": "fay", "tier": "free", "role": "user"}})
    assert made.status == 201
    assert Caller(away.url, made.json["secret"])("GET", "/v1/me").json == {
        "name": "fay",
        "tier": "free",
        "role": "user",
    }
    assert made.json["token"]["id"] in [one["id"] for one in admin("GET", "/v1/tokens").json["items"]]
    assert "secret" not in admin("GET", "/v1/tokens").body.decode()
    for method, path in (("GET", "/v1/tokens"), ("DELETE", f"/v1/tokens/{made.json['token']['id']}")):
        refused = user(method, path)
        assert (refused.status, refused.json["reasons"]) == (403, ["only admins may do this"])
    assert admin("DELETE", f"/v1/tokens/{made.json['token']['id']}").status == 204
    assert Caller(away.url, made.json["secret"])("GET", "/v1/me").status == 401


def test_tokens_never_cross_a_network_in_the_clear() -> None:
    with pytest.raises(SettingsInvalid, match="unencrypted"):
        ServeSettings(host="0.0.0.0").check()  # noqa: S104 - what must be refused
    ServeSettings(host="0.0.0.0", behind_proxy="10.0.0.1").check()  # noqa: S104 - allowed behind a proxy
