"""Smoke and load tests of a real server in a real sandbox."""

import shutil

import pytest
from pydantic import ValidationError

from devctl import Launcher
from specs.service import LoadTest, ServiceCheck, SmokeRequest
from tests.tools.repositories import committed
from tools.git import Mirror
from tools.service import run_service, service_packages
from tools.suite import command_of, run_suite
from tools.suites.command import Server
from tools.suites.runner import Evidence, Place
from tools.suites.runners import RUNNERS
from tools.worktree import WorkTree, open_worktree

SERVER = """import http.server
import pathlib


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "/")
        elif self.path == "/drop":
            return
        else:
            self.send_response(200 if self.path == "/" else 404)
        self.end_headers()
        self.wfile.write(b"hello " + pathlib.Path("made.txt").read_bytes())

    def do_POST(self):
        self.send_response(201)
        self.end_headers()
        self.wfile.write(self.rfile.read(int(self.headers["Content-Length"])))


http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
"""
LOCUSTFILE = """from locust import HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def home(self):
        self.client.get("/")
"""
SETUP = "printf world > made.txt"


def check(*requests: SmokeRequest, run: str = "python server.py", load: LoadTest | None = None) -> ServiceCheck:
    return ServiceCheck(run=run, port=8000, seconds=20, requests=requests or (SmokeRequest(),), load=load)


def opened(launcher: Launcher, mirror: Mirror, first: str) -> WorkTree:
    commit = committed(mirror, first, {"server.py": SERVER, "locustfile.py": LOCUSTFILE})
    return open_worktree(launcher, mirror, commit)


def test_each_request_is_a_result(launcher: Launcher, mirror: Mirror, first: str) -> None:
    wanted = check(
        SmokeRequest(contains="hello world"),
        SmokeRequest(path="/nix", status=404),
        SmokeRequest(path="/away", status=302),
        SmokeRequest(method="POST", path="/items", body='{"a": 1}', status=201, contains='{"a": 1}'),
    )
    with opened(launcher, mirror, first) as worktree:
        (report,) = run_service(worktree, wanted, SETUP, 60)
    assert report.green
    assert report.verdict == "tests: 4 passed"
    assert set(report.by_id) == {"smoke::GET /", "smoke::GET /nix", "smoke::GET /away", "smoke::POST /items"}


def test_wrong_answers_and_none_fail(launcher: Launcher, mirror: Mirror, first: str) -> None:
    wanted = check(
        SmokeRequest(contains="bye"), SmokeRequest(path="/nix"), SmokeRequest(path="/drop"), SmokeRequest(path="/away")
    )
    with opened(launcher, mirror, first) as worktree:
        (report,) = run_service(worktree, wanted, SETUP, 60)
    assert report.verdict == "tests: 0 passed, 4 failed"
    messages = {case.id: case.message for case in report.cases}
    assert "does not hold 'bye'" in messages["smoke::GET /"]
    assert "the status is 404, not 200" in messages["smoke::GET /nix"]
    assert messages["smoke::GET /drop"].startswith("no answer")
    assert "the status is 302, not 200" in report.tail


def test_a_server_that_does_not_start_breaks_the_check(launcher: Launcher, mirror: Mirror, first: str) -> None:
    with opened(launcher, mirror, first) as worktree:
        (report,) = run_service(worktree, check(run="echo no room; exit 3"), "", 60)
        assert (report.state, report.green) == ("broken", False)
        assert "no room" in report.tail
        (report,) = run_service(worktree, check(), "exit 4", 60)
        assert "'exit 4' ended with status 4" in report.problem


def test_a_command_can_have_the_server_beside_it(launcher: Launcher, mirror: Mirror, first: str) -> None:
    fetch = "python -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:8000\").read())'"
    server = Server(run="python server.py", port=8000, seconds=20)
    command = command_of(fetch, "plan").model_copy(update={"server": server, "setup": SETUP})
    with opened(launcher, mirror, first) as worktree:
        report = run_suite(worktree, command, 60)
        assert report.green
        assert "hello world" in report.tail
        absent = command.model_copy(update={"server": Server(run="echo no room", port=8000, seconds=0.1)})
        report = run_suite(worktree, absent, 60)
    assert not report.green
    assert "does not listen on port 8000:\nno room" in report.tail


def test_a_load_is_made_by_locust(launcher: Launcher, mirror: Mirror, first: str) -> None:
    if shutil.which("locust") is None:
        pytest.skip("locust is not installed here")
    load = LoadTest(file="locustfile.py", users=3, spawn_rate=3, seconds=2, p95_ms=5000)
    with opened(launcher, mirror, first) as worktree:
        smoke, report = run_service(worktree, check(load=load), SETUP, 120)
    assert smoke.green
    assert set(report.by_id) == {"load::GET /", "load::95% within 5000 ms"}
    assert report.green


def test_a_load_keeps_to_the_limits() -> None:
    place = Place(root="/work", private=".git/x")
    command = command_of("locust -f a.py --users 9999 -r=7 --run-time 2h --headless --host http://h", "plan")
    assert (command.kind, command.packages) == ("locust", ("locust",))
    text = RUNNERS["locust"].arm(command, place).text
    assert text.startswith("locust -f a.py --host http://h --headless -u 100 -r 7 -t 120s ")


def test_slow_answers_fail_a_load_with_a_limit() -> None:
    stats = "Type,Name,Request Count,Failure Count,Average Response Time,95%\nGET,/,9,0,4,{slow}\n,Aggregated,9,0,4,{slow}\n"
    for slow, limit, outcome in (("20", 20, "passed"), ("21", 20, "failed")):
        data = stats.format(slow=slow).encode()
        found = RUNNERS["locust"].read(Evidence(exit_code=0, output="", report=data, p95_ms=limit))
        assert found.cases[-1].outcome == outcome
    assert RUNNERS["locust"].read(Evidence(exit_code=0, output="", report=stats.encode(), p95_ms=1)).problem


@pytest.mark.parametrize(
    "value",
    [
        {"run": "x", "port": 0},
        {"run": "x\ny", "port": 80},
        {"run": "x", "port": 80, "requests": [{"path": "//h\r\nX: y"}]},
        {"run": "x", "port": 80, "requests": [{"path": "a"}]},
        {"run": "x", "port": 80, "load": {"file": "../x"}},
        {"run": "x", "port": 80, "load": {"file": "x", "users": 1000}},
    ],
)
def test_a_check_out_of_bounds_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServiceCheck.model_validate(value)


def test_only_a_load_needs_locust() -> None:
    assert service_packages(check()) == ()
    assert service_packages(check(load=LoadTest(file="a.py"))) == ("locust",)
