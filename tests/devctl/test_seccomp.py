"""The filter's own making; what it stops is shown by the escape suite."""

import json
import platform
import struct

import pytest

from devctl import seccomp


def test_the_filter_is_whole_instructions_and_ends_in_a_verdict() -> None:
    program = seccomp.bubblewrap_filter()
    if program is None:
        pytest.skip(f"the calls of {platform.machine()} are not listed")
    steps = list(struct.iter_unpack("=HBBI", program))
    assert steps[-1][0] == 0x06
    assert len(steps) < 4096
    for place, (code, if_true, if_false, _) in enumerate(steps):
        if code != 0x06:
            assert place + 1 + max(if_true, if_false) < len(steps)


def test_the_profile_allows_what_is_not_forbidden_and_nothing_else() -> None:
    profile = json.loads(seccomp.docker_profile())
    plain = {name for rule in profile["syscalls"] if not rule["args"] for name in rule["names"]}
    allowed = {n for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for n in rule["names"]}
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {"read", "execve", "clone", "socket", "openat", "futex"} <= allowed
    assert not allowed & {*seccomp.FORBIDDEN, *seccomp.UNANSWERED}
    assert not plain & {"clone", "unshare", "socket"}


def test_both_processors_have_the_calls_that_depend_on_arguments() -> None:
    for machine in ("x86_64", "aarch64"):
        assert {"clone", "unshare", "socket", "ioctl", "clone3", "setns"} <= set(seccomp.numbers(machine))
