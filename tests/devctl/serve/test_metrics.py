"""The page of metrics, and the dashboards and rules that build on it."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from devctl.errors import LaunchFailed
from devctl.fleet.database import Database
from devctl.fleet.fleet import Fleet
from devctl.fleet.records import User
from devctl.metrics.families import LABELS, PREFIX, SERIES
from devctl.serve.server import Server
from scripts.source import ROOT as HOUSE
from tests.devctl.fleets import ADA, ROOT, wanted
from tests.devctl.serve.services import Caller, token_of

OPS = Path(HOUSE) / "ops"
BUSY = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
_NAME = re.compile(r"\b(?:devctl|process)_[a-z0-9_]+\b")
_SELECTOR = re.compile(r"((?:devctl|process)_[a-z0-9_]+)\{([^}]*)\}")
_BY = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def page(server: Server) -> str:
    server.service.page.refresh()
    return server.service.page.page(False).decode()


def test_page_takes_a_token_that_may_see_all(away: Server) -> None:
    scraper = token_of(away, User(name="prometheus", tier="metrics", role="viewer"))
    for token, status in ((scraper, 200), (token_of(away, ROOT), 200), (token_of(away, ADA), 403), ("", 401)):
        assert Caller(away.url, token)("GET", "/metrics").status == status
    assert Caller(away.url, "dvt_0_x")("GET", "/metrics").json["kind"] == "TokenRefused"


def test_page_is_rendered_once_per_interval_and_can_be_packed(away: Server) -> None:
    scraper = Caller(away.url, token_of(away, ROOT))
    away.service.page.render()
    first, packed = scraper("GET", "/metrics"), scraper("GET", "/metrics", Accept_Encoding="gzip")
    assert first.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert gzip.decompress(packed.body) == first.body == scraper("GET", "/metrics").body
    away.service.page.render()
    assert samples(scraper("GET", "/metrics").body.decode())[("devctl_scrapes_total", ())] >= 3


def test_environment_is_measured_and_vanishes_when_it_is_gone(live: Server, fleet: Fleet, backend: str) -> None:
    record = fleet.up(ADA, wanted(backend, "busy"))
    labels = (("host", record.host), ("name", "busy"), ("owner", "ada"))
    first = samples(page(live))
    fleet.exec(ADA, "busy", ["sh", "-c", BUSY])
    second = samples(page(live))
    key = (f"{PREFIX}cpu_seconds_total", labels)
    if key not in first:
        pytest.skip(f"not run on {backend}: nothing counts processor time here")
    assert second[key] > first[key]
    assert second[(f"{PREFIX}memory_bytes", labels)] > 0
    assert second[(f"{PREFIX}running", labels)] == 1
    view = Caller(live.url, token_of(live, ADA))("GET", "/v1/environments/busy").json
    assert view["usage"]["cpu_percent"] > 0 and view["usage"]["memory_bytes"] > 0
    if backend == "docker":
        assert second[(f"{PREFIX}memory_limit_bytes", labels)] == 256 * 2**20
        assert second[(f"{PREFIX}network_sent_bytes_total", labels)] == 0  # no network inside
        rows = fleet.parts.database.rows("SELECT cpu_seconds FROM sample WHERE environment = %s", record.id)
        assert rows and rows[0]["cpu_seconds"] > 0
    fleet.remove(ADA, "busy")
    assert 'name="busy"' not in page(live)


def test_launches_are_counted_with_how_they_ended(live: Server, fleet: Fleet, backend: str) -> None:
    fleet.up(ADA, wanted(backend, "fine"))
    with pytest.raises(LaunchFailed):
        fleet.up(ADA, wanted(backend, "wrong").model_copy(update={"image": "host:none" if backend != "docker" else "none.invalid/x:1"}))  # fmt: skip
    found = samples(page(live))
    assert found[("devctl_launches_total", (("result", "ok"), ("way", "cold")))] >= 1
    assert found[("devctl_launches_total", (("result", "failed"), ("way", "cold")))] >= 1
    assert found[("devctl_launch_seconds_count", (("way", "cold"),))] >= 1
    assert 0 < found[("devctl_launches_failed_ratio", ())] < 1


def test_routes_are_counted_by_their_rule_and_not_by_what_callers_ask(away: Server) -> None:
    caller = Caller(away.url, token_of(away, ADA))
    for number in range(5):
        caller("GET", f"/v1/environments/none-{number}")
        caller("GET", f"/made/up/{number}")
    away.service.page.render()
    text = away.service.page.page(False).decode()
    assert "none-1" not in text and "made/up" not in text
    key = ("devctl_requests_total", (("method", "GET"), ("route", "/v1/environments/<string:name>"), ("status", "404")))
    assert samples(text)[key] >= 5


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of the dashboards and rules, with where it stands."""
    for file in sorted((OPS / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{file.name}: {panel['title']}", target["expr"]
        for variable in json.loads(file.read_text())["templating"]["list"][1:]:
            yield f"{file.name}: ${variable['name']}", variable["query"]["query"]
    for group in yaml.safe_load((OPS / "prometheus" / "devctl-alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield f"alert {rule.get('alert') or rule['record']}", rule["expr"]


def exported(server: Server) -> dict[str, set[str]]:
    """Labels by the name of each sample that a running service exports; those of a family without samples by its type."""
    text = page(server)
    found: dict[str, set[str]] = {}
    for name, labels in samples(text):
        found.setdefault(name, set()).update(label for label, _ in labels)
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        known = set(LABELS) if name.startswith(PREFIX) else set()
        found.setdefault(name, known)
        if kind == "histogram":
            found.setdefault(f"{name}_bucket", {"le"})
    for name in SERIES:  # those of GPUs are on the page only where one is used
        found.setdefault(name, set(LABELS))
    return found


def counted_once(database: Database) -> None:
    """One of each thing that is counted by a label of its own, so that the family has a sample."""
    database.rows(
        "INSERT INTO audit (who, operation, allowed, rules) VALUES ('ada', 'create', false, '{limit}') RETURNING id"
    )
    database.rows(
        "INSERT INTO warm (name, host, key, shape, state) VALUES ('w', 'h', 'k', '{}', 'claimed') RETURNING name"
    )
    database.rows("INSERT INTO warm_event (host, kind, seconds) VALUES ('h', 'made', 1) RETURNING id")
    database.rows("INSERT INTO reaper_pass (at, seconds, looked, stopped) VALUES (now(), 1, 0, 0) RETURNING id")
    database.rows("INSERT INTO gpu_smoke (host, outcome, seconds, words) VALUES ('h', 'passed', 1, '') RETURNING id")


def test_dashboards_and_rules_name_only_what_is_exported(away: Server) -> None:
    token = token_of(away, ROOT)
    Caller(away.url, token)("GET", "/v1/environments")
    parts = away.service.fleet.parts
    parts.admission.audit(ADA, "exec", "x", False, ("no",))
    counted_once(parts.database)
    record = parts.admission.reserve(ADA, wanted("docker", "shown"), 60)
    away.service.sampler.gpus.look()
    known, seen = exported(away), 0
    parts.database.rows("DELETE FROM environment WHERE id = %s RETURNING id", record.id)
    parts.database.rows("DELETE FROM warm RETURNING name")
    for where, expression in expressions():
        names = set(_NAME.findall(re.sub(r"\{[^}]*\}", "", expression)))
        assert names, where
        assert names <= set(known), (where, names - set(known))
        allowed = {"job", "instance", "le", *(label for name in names for label in known[name])}
        used = {label.strip() for group in _BY.findall(expression) for label in group.split(",") if label.strip()}
        for _, selector in _SELECTOR.findall(expression):
            used |= {part.split("=")[0].rstrip("!~").strip() for part in selector.split(",") if part.strip()}
        assert used <= allowed, (where, used - allowed)
        seen += 1
    assert seen > 55


def test_dashboards_are_whole_and_in_their_folder() -> None:
    uids = set()
    for file in sorted((OPS / "grafana" / "dashboards").glob("*.json")):
        board: dict[str, Any] = json.loads(file.read_text())
        uids.add(board["uid"])
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids)) and board["title"] and board["schemaVersion"] >= 39
        assert all(panel["datasource"]["uid"] == "${source}" for panel in board["panels"])
    assert len(uids) == len(list((OPS / "grafana" / "dashboards").glob("*.json"))) > 1
    provider = yaml.safe_load((OPS / "grafana/provisioning/dashboards/devctl.yaml").read_text())["providers"][0]
    assert provider["folder"] == "Dev Containers"
