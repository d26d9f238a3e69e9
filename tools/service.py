"""Smoke and load tests of a server that a task asks for.

Requests are made by this host to a server inside an environment whose network stays closed; what comes back is
untrusted and limited. A load is made inside, by Locust in the same call as the server.
"""

import http.client
import logging
import shlex
import time
from urllib.parse import urlsplit

from devctl.errors import EnvironmentGone, ServeFailed
from specs.service import LoadTest, ServiceCheck, SmokeRequest
from tools.errors import WorkTreeLost
from tools.junit import TestCaseResult, result_of, unique, write_junit
from tools.observation import cut_middle
from tools.suite import run_suite
from tools.suites.command import Server, SuiteCommand
from tools.suites.report import SuiteReport
from tools.worktree import WorkTree

log = logging.getLogger(__name__)

REQUEST_SECONDS = 10.0
ANSWER_BYTES = 1024 * 1024
TAIL_CHARACTERS = 20_000


def service_packages(check: ServiceCheck) -> tuple[str, ...]:
    """What has to be installed for a check besides the repository's own dependencies."""
    return ("locust",) if check.load else ()


def run_service(worktree: WorkTree, check: ServiceCheck, setup: str, seconds: float) -> list[SuiteReport]:
    """Make the requests and then the load that a check asks for; `setup` runs first. Raises WorkTreeLost."""
    if setup:
        ready = worktree.exec(setup, seconds=seconds)
        if ready.exit_code != 0:
            return [_broken(check, f"the setup command {setup!r} ended with status {ready.exit_code}", ready.output)]
    reports = [_smoke(worktree, check)]
    if check.load and reports[0].state == "completed":
        reports.append(run_suite(worktree, _load_command(check, check.load), seconds))
    return reports


def _load_command(check: ServiceCheck, load: LoadTest) -> SuiteCommand:
    numbers = f"-u {load.users} -r {load.spawn_rate} -t {load.seconds}s"
    return SuiteCommand(
        kind="locust",
        text=f"locust -f {shlex.quote(load.file)} {numbers} --host http://127.0.0.1:{check.port}",
        source="plan",
        server=Server(run=check.run, port=check.port, seconds=check.seconds, p95_ms=load.p95_ms),
    )


def _smoke(worktree: WorkTree, check: ServiceCheck) -> SuiteReport:
    begin = time.monotonic()
    try:
        with worktree.environment.serve(["bash", "-c", check.run], check.port, seconds=check.seconds) as served:
            cases = unique(_asked(served.url, request) for request in check.requests)
            output = served.output()
    except ServeFailed as fault:
        return _broken(check, fault.message, fault.output)
    except EnvironmentGone as error:
        raise WorkTreeLost(error.message, error.hint) from error
    failed = [f"{case.id}: {case.message}" for case in cases if case.outcome != "passed"]
    return SuiteReport(
        command=check.run,
        kind="smoke",
        state="completed",
        exit_code=1 if failed else 0,
        cases=cases,
        tail=cut_middle("\n".join([output, *failed]), TAIL_CHARACTERS),
        seconds=time.monotonic() - begin,
        junit=write_junit(cases),
    )


def _asked(url: str, request: SmokeRequest) -> TestCaseResult:
    """Make one request; redirects are answers like others, none is followed."""
    name = f"{request.method} {request.path}"
    begin = time.monotonic()
    try:
        status, text = _answer(url, request)
    except (OSError, http.client.HTTPException) as error:
        return result_of("smoke", name, "failed", time.monotonic() - begin, f"no answer: {error!r}")
    problem = ""
    if status != request.status:
        problem = f"the status is {status}, not {request.status}"
    elif request.contains not in text:
        problem = f"the answer does not hold {request.contains!r}"
    seconds = time.monotonic() - begin
    if problem:
        return result_of("smoke", name, "failed", seconds, f"{problem}; it begins with {text[:300]!r}")
    return result_of("smoke", name, "passed", seconds)


def _answer(url: str, request: SmokeRequest) -> tuple[int, str]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=REQUEST_SECONDS)
    deadline = time.monotonic() + REQUEST_SECONDS
    try:
        headers = {"Content-Type": "application/json"} if request.body else {}
        connection.request(request.method, request.path, request.body.encode() or None, headers)
        answer = connection.getresponse()
        body = b""
        while len(body) < ANSWER_BYTES and time.monotonic() < deadline and (part := answer.read1(65_536)):
            body += part
        return answer.status, body.decode("utf-8", "replace")
    finally:
        connection.close()


def _broken(check: ServiceCheck, problem: str, output: str) -> SuiteReport:
    log.info("the server %r could not be checked: %s", check.run, problem)
    return SuiteReport(
        command=check.run,
        kind="smoke",
        state="broken",
        exit_code=None,
        problem=problem,
        tail=cut_middle(f"{output}\n{problem}", TAIL_CHARACTERS),
    )
