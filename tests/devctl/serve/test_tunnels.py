"""Tunnels that callers open through the service, used by real clients that trust its authority."""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from devctl.errors import SettingsInvalid
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.serve.server import Server
from devctl.serve.settings import ServeSettings
from devctl.settings import DevctlSettings
from devctl.tunnels import TunnelRows
from devctl.tunnels.programs import own_program
from tests.devctl.fleets import ADA, BOB, ROOT, fleet_on, folder_of, wanted
from tests.devctl.serve.conftest import Callers
from tests.devctl.serve.services import Caller, serving, token_of
from tests.devctl.serve.test_environments import make
from tests.devctl.tunnels.people import APP

VIEWER = User(name="ada", tier="free", role="viewer")


def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def opened(caller: Caller, name: str = "web", **more: object) -> dict[str, str]:
    answer = caller("POST", f"/v1/environments/{name}/tunnels", {"port": 8000, **more})
    assert answer.status == 201, answer.body
    assert answer.headers["location"] == f"/v1/tunnels/{answer.json['id']}"
    found: dict[str, str] = answer.json
    return found


def read(caller: Caller, link: str) -> str:
    """The path that the program inside was asked for, by somebody who trusts what the service says to trust."""
    shown = caller("GET", "/v1/tunnel-authority").json
    trusting = ssl.create_default_context(cadata=shown["certificate"])
    with urllib.request.urlopen(link, context=trusting, timeout=60) as page:  # noqa: S310 - an https link
        return str(json.loads(page.read())["path"])


def test_a_link_leads_in_until_it_is_closed(fleet: Fleet, as_user: Callers, backend: str, tmp_path: Path) -> None:
    ada, bob, viewer = as_user(ADA), as_user(BOB), as_user(VIEWER)
    (tmp_path / "app.py").write_text(APP.read_text())
    fleet.up(ADA, wanted(backend, "web"), tree=tmp_path)
    with fleet.open_exec(ADA, "web", ["python3", "-u", "app.py"]) as program:
        assert program.read() == (1, b"ready\n")
        tunnel = opened(ada)
        assert read(ada, tunnel["link"]) == "/"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            read(ada, tunnel["address"])
        place = f"/v1/tunnels/{tunnel['id']}"
        assert ada("GET", place).json["link"] == tunnel["link"], "who opened it is shown the link again"
        assert bob("GET", place).status == 404 and bob("DELETE", place).status == 404
        seen = viewer("GET", place)
        assert (seen.status, seen.json["link"], seen.json["address"]) == (200, "", tunnel["address"])
        assert viewer("DELETE", place).status == 403
        assert viewer("POST", "/v1/environments/web/tunnels", {"port": 8000}).status == 403
        assert bob("POST", "/v1/environments/web/tunnels", {"port": 8000}).status == 404
        assert ada("DELETE", place).status == 204
        with pytest.raises(urllib.error.URLError, match="refused"):
            read(ada, tunnel["link"])
        assert ada("GET", "/v1/tunnels").json["items"] == []
        (ended,) = [one for one in ada("GET", "/v1/tunnels?ended=true").json["items"] if one["id"] == tunnel["id"]]
        assert (ended["why"], ended["link"]) == ("closed by ada", "")
        lines = [one["details"] for one in ada("GET", "/v1/audit?operation=tunnel&subject=web").json["items"]]
        assert {"port": 8000, "open": 0} in lines and {"closed": tunnel["id"]} in lines
        assert tunnel["link"].rpartition("=")[2] not in json.dumps(lines)


def test_the_list_of_environments_has_the_link_for_who_opened_it(as_user: Callers, backend: str) -> None:
    ada, root, viewer = as_user(ADA), as_user(ROOT), as_user(VIEWER)
    assert make(ada, backend, "web").json["tunnels"] == []
    tunnel = opened(ada)

    def shown(caller: Caller) -> tuple[str, str, list[str], str]:
        answer = caller("GET", "/v1/environments?all_users=true")
        (view,) = answer.json["items"]
        (one,) = view["tunnels"]
        return one["address"], one["link"], view["badges"], answer.headers["cache-control"]

    assert shown(ada) == (tunnel["address"], tunnel["link"], ["tunnel"], "no-store")
    assert shown(root) == shown(viewer) == (tunnel["address"], "", ["tunnel"], "private, no-cache")
    assert ada("GET", "/v1/environments/web").json["tunnels"][0]["link"] == tunnel["link"]
    assert ada("POST", "/v1/environments/web/stop", {}).json["tunnels"][0]["id"] == tunnel["id"]
    started = ada("POST", "/v1/environments/web/start", Prefer="wait=60").json
    assert started["tunnels"][0]["id"] == tunnel["id"]
    assert started["tunnels"][0]["link"] == "", "results of operations are kept, and hold no secrets"
    assert root("DELETE", f"/v1/tunnels/{tunnel['id']}").status == 204
    assert ada("GET", "/v1/environments/web").json["badges"] == []


def test_requests_that_do_not_fit_open_nothing(as_user: Callers, backend: str) -> None:
    ada = as_user(ADA)
    make(ada, backend, "web")
    for wish in ({"port": 0}, {"port": 65_536}, {}, {"port": 1, "seconds": 0}, {"port": 1, "host": "0.0.0.0"}):  # noqa: S104 - refused
        assert ada("POST", "/v1/environments/web/tunnels", wish).status == 422, wish
    assert ada("GET", "/v1/tunnels/t-none").status == 404
    assert ada("DELETE", "/v1/tunnels/t-none").status == 404
    ada("POST", "/v1/environments/web/stop", {})
    assert ada("POST", "/v1/environments/web/tunnels", {"port": 8000}).json["kind"] == "NotRunning"
    assert ada("GET", "/v1/tunnels").json["items"] == []


def test_the_tier_limits_how_many_are_open(database_url: str, tmp_path: Path) -> None:
    settings = DevctlSettings.from_environment({}, folder=tmp_path, database_url=database_url)
    with (
        fleet_on("bubblewrap", database_url, ruled=True) as fleet,
        serving(fleet, settings, tunnels=3) as server,
    ):
        ada, root = Caller(server.url, token_of(server, ADA)), Caller(server.url, token_of(server, ROOT))
        fleet.up(ADA, wanted("bubblewrap", "web"))
        first = opened(ada)
        opened(ada)
        third = ada("POST", "/v1/environments/web/tunnels", {"port": 8000})
        assert (third.status, third.json["kind"]) == (403, "LaunchRefused")
        assert any("2 open tunnels" in reason for reason in third.json["reasons"])
        denied = root("GET", "/v1/audit?operation=tunnel&denied=true").json["items"]
        assert [(one["who"], one["subject"]) for one in denied] == [("ada", "web")]
        ada("DELETE", f"/v1/tunnels/{first['id']}")
        opened(ada)
        fleet.up(ROOT, wanted("bubblewrap", "own"))
        opened(root, "own")
        full = root("POST", "/v1/environments/own/tunnels", {"port": 8000})
        assert (full.status, full.json["kind"]) == (503, "ServiceBusy")


def test_tunnels_end_with_the_service_and_say_so(fleet: Fleet, backend: str, devctl_database: str) -> None:
    fleet.up(ADA, wanted(backend, "web"))
    settings = DevctlSettings.from_environment({}, folder=folder_of(fleet), database_url=devctl_database)
    with serving(fleet, settings) as server:
        tunnel = opened(Caller(server.url, token_of(server, ADA)))
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(tunnel["link"], timeout=60)  # noqa: S310 - an https link
    assert TunnelRows(fleet.parts.database).find(ADA, tunnel["id"]).why == "the service ended"


def test_what_a_service_that_died_left_open_is_closed_at_the_next_start(database_url: str) -> None:
    """A row of a process that is no more, one of another machine that is silent, one of another that was just seen."""
    with fleet_on("bubblewrap", database_url) as fleet:
        _what_died_is_closed(fleet, database_url)


def _what_died_is_closed(fleet: Fleet, database_url: str) -> None:
    record = fleet.up(ADA, wanted("bubblewrap", "web"))
    database, mine = fleet.parts.database, own_program()
    where, _, _ = mine.rpartition(" ")
    dead, silent, far, own = ("t-dead", "t-silent", "t-far", "t-own")
    rows = {dead: (f"{where} 1", 0), silent: ("far 1 2 3", 60), far: ("far 1 2 3", -3600), own: (mine, 60)}
    for name, (program, seconds) in rows.items():
        database.rows(
            "INSERT INTO tunnel (id, environment, owner, opened_by, port, digest, expires, program, seen) VALUES"
            " (%s, %s, 'ada', 'ada', 1, '', now() + interval '1 hour', %s, now() - make_interval(secs => %s))"
            " RETURNING id",
            *(name, record.id, program, seconds),
        )
    settings = DevctlSettings.from_environment({}, folder=folder_of(fleet), database_url=database_url)
    with serving(fleet, settings) as server:
        ada = Caller(server.url, token_of(server, ADA))

        def ended() -> dict[str, str]:
            return {one["id"]: one["why"] for one in ada("GET", "/v1/tunnels?ended=true").json["items"]}

        until(lambda: ended().get(silent) and ended().get(dead))
        assert ended()[dead] == "its program died"
        assert ended()[silent] == "its program said nothing for 30 seconds"
        assert ended()[far] == "" and TunnelRows(database).find(ADA, own).closed is None


def test_a_service_does_not_start_for_names_that_nobody_would_believe(fleet: Fleet, devctl_database: str) -> None:
    settings = DevctlSettings.from_environment({}, folder=folder_of(fleet), database_url=devctl_database)
    with pytest.raises(SettingsInvalid, match=r"box\.test") as refused:
        Server(fleet, settings, ServeSettings(port=0, tunnel_names=("box.test",)))
    assert "devctl tunnel ca --name box.test" in refused.value.hint
