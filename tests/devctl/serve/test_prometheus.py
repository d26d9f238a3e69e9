"""A real Prometheus over a real service: its linter, its scrapes, and every query of the dashboards and alerts."""

import json
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from devctl.fleet.fleet import Fleet
from devctl.metrics.families import PREFIX
from devctl.serve.server import Server
from devctl.settings import DevctlSettings
from scripts.source import ROOT as HOUSE
from tests.devctl.fleets import ADA, ROOT, folder_of, wanted
from tests.devctl.gpu.machines import busy_machine
from tests.devctl.serve.services import Caller, serving, token_of
from tests.devctl.serve.test_metrics import OPS, counted_once, expressions, page

PROMTOOL, PROMETHEUS = (os.environ.get(f"ROADCREW_TEST_PROM{name}", "") for name in ("TOOL", "ETHEUS"))
pytestmark = pytest.mark.skipif(not (PROMTOOL and PROMETHEUS), reason="not run: ROADCREW_TEST_PROMETHEUS is not set")
_NAME = re.compile(r"\b(?:devctl|process)_[a-z0-9_]+\b")
OF_DOCKER = tuple(f"{PREFIX}{what}_" for what in ("network", "gpu", "block", "volume"))
"""Families that say nothing under bubblewrap: it has neither a network of its own nor GPUs, and its control groups need
not count what goes to disks."""
KILLED = "devctl_environment_out_of_memory_kills_total"
"""Counted by kernels from 4.13 on, and by bubblewrap's groups only where the machine has them."""
SECONDS = 60


def promtool(*arguments: str, given: bytes = b"") -> str:
    """Run it; it must agree."""
    argv = [PROMTOOL, *arguments]
    done = subprocess.run(argv, input=given, capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


class Prometheus:
    """A running server that has the files of `ops/prometheus`, with this service in place of the one they name."""

    def __init__(self, folder: Path, server: Server) -> None:
        (folder / "token").write_text(token_of(server, ROOT))
        config = yaml.safe_load((OPS / "prometheus/prometheus.yaml").read_text())
        [job] = config["scrape_configs"]
        job["authorization"]["credentials_file"] = str(folder / "token")
        job["static_configs"] = [{"targets": [server.url.removeprefix("http://")]}]
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(OPS / "prometheus/devctl-alerts.yaml")]
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self.argv = [
            PROMETHEUS, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
            "--web.listen-address=127.0.0.1:0",
        ]  # fmt: skip
        self.log = folder / "log"
        self.url = ""

    @contextmanager
    def running(self) -> Iterator["Prometheus"]:
        """Run it as long as the block does."""
        with self.log.open("wb") as log, subprocess.Popen(self.argv, stdout=log, stderr=log) as process:
            try:
                self._await_address(process)
                yield self
            finally:
                process.terminate()

    def _await_address(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + SECONDS
        while not self.url:
            assert process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            found = re.search(r'msg="Listening on" address=(\S+)', self.log.read_text())
            self.url = f"http://{found[1]}" if found else ""
            time.sleep(0.05)

    def ask(self, path: str, **parameters: str) -> Any:
        """Ask its API."""
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - our own server
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            return json.loads(error.read()).get("error") or pytest.fail(f"{path}: {error}")

    def select(self, expression: str) -> list[Any]:
        """What an expression selects at this moment."""
        found = self.ask("query", query=expression)
        assert isinstance(found, dict), (expression, found)
        result: list[Any] = found["result"]
        return result

    def scraped(self) -> None:
        """Wait until a scrape that began from now on has succeeded."""
        began, deadline = time.time(), time.monotonic() + SECONDS
        while not self.select(f'up{{job="devctl"}} == 1 and timestamp(up{{job="devctl"}}) > {began:.3f}'):
            assert time.monotonic() < deadline, self.ask("targets")
            time.sleep(0.2)


@pytest.fixture
def prometheus(fleet: Fleet, backend: str, devctl_database: str, tmp_path: Path) -> Iterator[Prometheus]:
    """One that has scraped a service with an environment on each backend, which is said to have a GPU."""
    record = fleet.up(ADA, wanted(backend, "shown"))
    database = fleet.parts.database
    database.rows("UPDATE environment SET gpu = true WHERE id = %s RETURNING id", record.id)
    settings = DevctlSettings.from_environment({}, folder=folder_of(fleet), database_url=devctl_database)
    gpus = busy_machine(tmp_path / "machine", os.getpid())
    with serving(fleet, settings, gpus) as server, Prometheus(tmp_path, server).running() as made:
        if f"{PREFIX}cpu_seconds_total{{" not in page(server):
            pytest.skip(f"not run on {backend}: nothing counts processor time here")
        Caller(server.url, token_of(server, ADA))("GET", "/v1/environments")
        counted_once(database)
        page(server)
        made.scraped()
        yield made
    database.rows("DELETE FROM warm RETURNING name")


def plain(expression: str) -> str:
    """An expression as Grafana sends it, with all environments chosen."""
    return re.sub(r'"\$\w+"', '".*"', expression.replace("$__rate_interval", "1m"))


def series_of(expression: str) -> set[str]:
    """The names in it, without those of labels."""
    return set(_NAME.findall(re.sub(r"\{[^}]*\}", "", expression)))


def test_linter_accepts_the_page_the_rules_and_the_configuration(away: Server) -> None:
    counted_once(away.service.fleet.parts.database)
    away.service.sampler.gpus.look()
    text = page(away).encode()
    away.service.fleet.parts.database.rows("DELETE FROM warm RETURNING name")
    assert b"devctl_gpu_power_watts" in text and b"devctl_pool_claims_total" in text
    assert promtool("check", "metrics", given=text) == ""
    assert "SUCCESS" in promtool("check", "rules", f"{OPS}/prometheus/devctl-alerts.yaml")
    promtool("check", "config", "--syntax-only", f"{OPS}/prometheus/prometheus.yaml")
    promtool("test", "rules", f"{HOUSE}/tests/devctl/serve/alerts.yaml")


def test_every_query_of_dashboards_and_alerts_selects_what_is_scraped(prometheus: Prometheus, backend: str) -> None:
    missing = []
    for where, expression in expressions():
        if expression.startswith("label_values("):
            metric, label = expression.removeprefix("label_values(").rstrip(")").split(", ")
            assert prometheus.ask("label/" + label + "/values", **{"match[]": metric}), where
            continue
        prometheus.select(plain(expression))  # it parses
        names = {name for name in series_of(expression) if not prometheus.select(f'{{__name__="{name}"}}')}
        if backend == "bubblewrap":
            names = {name for name in names if not name.startswith(OF_DOCKER)}
        missing += [(where, name) for name in sorted(names - {KILLED})]
    assert missing == []


def test_alerts_are_loaded_and_evaluated(prometheus: Prometheus) -> None:
    prometheus.scraped()
    deadline = time.monotonic() + SECONDS
    while True:
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        if all(rule["health"] == "ok" for rule in rules):
            break
        assert time.monotonic() < deadline, [(rule["name"], rule["lastError"]) for rule in rules]
        time.sleep(0.2)
    assert len(rules) > 10
    assert next(rule for rule in rules if rule["name"] == "DevctlDown")["state"] == "inactive"
