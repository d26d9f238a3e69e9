"""Every attempt is stopped by every backend, and gets out where there is no sandbox."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import Environment, Launcher, LaunchRequest, Limits
from tests.devctl.machines import SANDBOXES, launcher_on
from tests.escape.attempts.__main__ import load
from tests.escape.attempts.attempt import ATTEMPTS, Host
from tests.escape.laid_out import FOLDER, answer, laid_out, run_here, words
from tests.ran_on import ran_on

LIMITS = Limits(memory_mb=256, pids=48, seconds=30, output_bytes=20_000, disk_mb=16)

load()


@pytest.fixture(scope="module", params=SANDBOXES)
def launcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with launcher_on(request.param, tmp_path_factory.mktemp("devctl")) as opened:
        yield opened


@pytest.fixture(scope="module")
def environment(launcher: Launcher) -> Iterator[Environment]:
    with launcher.launch(LaunchRequest(limits=LIMITS)) as launched:
        launched.put(FOLDER, "tests/escape/attempts")
        yield launched


@pytest.fixture(scope="module")
def host(environment: Environment) -> Iterator[Host]:
    user = int(environment.exec(["id", "-u"]).output) if os.geteuid() == 0 else None
    with laid_out(user) as made:
        yield made


@pytest.mark.parametrize("name", sorted(ATTEMPTS))
def test_it_is_stopped(name: str, environment: Environment, host: Host, request: pytest.FixtureRequest) -> None:
    result = environment.exec(words(name, host))
    got, stopped = answer(result.output)
    assert not got, f"{name} got out of {environment.info.backend}: {got}"
    print(f"{name}: {stopped or 'nothing was there'}")  # noqa: T201 - the suite says what held each
    ran_on(request, "escape", environment.info.backend)


@pytest.fixture(scope="module")
def bare_host() -> Iterator[Host]:
    if os.geteuid() != 0:
        pytest.skip("attempts are shown to work with all rights, and these tests are not run by root")
    with laid_out(None) as made:
        yield made


@pytest.mark.parametrize("name", sorted(name for name, attempt in ATTEMPTS.items() if not attempt.uncontrolled))
def test_it_gets_out_where_there_is_no_sandbox(name: str, bare_host: Host, tmp_path: Path) -> None:
    got, stopped = answer(run_here(words(name, bare_host, sys.executable), bare_host, tmp_path))
    if not got and name in NOT_HERE:
        pytest.skip(f"this machine has nothing of the kind: {stopped}")
    assert got, f"{name} cannot get out even where nothing stops it: {stopped}"


NOT_HERE = {
    "reach_the_clouds_metadata",
    "reach_the_hosts_loopback_over_ipv6",
    "reach_the_hosts_own_address",
    "reach_the_hypervisor",
    "reach_the_kernels_emergency_keys",
    "be_spared_when_memory_is_short",
    "load_a_module",
    "replace_the_kernel",
    "reach_the_internet",
    "be_root_in_a_user_namespace_by_a_call_of_32_bits",
    "queue_calls_past_the_filter",
    "use_the_kernels_ciphers",
    "have_the_kernel_run_a_program",
    "talk_to_the_ports_of_the_machine",
}
"""What some kernels and machines do not have at all."""


def test_there_are_at_least_forty() -> None:
    areas = {attempt.area for attempt in ATTEMPTS.values()}
    assert len(ATTEMPTS) >= 40
    assert {"files", "network", "processes", "devices", "docker", "proc", "sys", "rights", "resources"} <= areas
