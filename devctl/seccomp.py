"""Which calls of the kernel an environment may make: one list, for bubblewrap as a filter, for Docker as a profile.

An environment has no use for what is forbidden here, and most known ways out of a namespace begin there. Calls of
the processor's older modes (32 bits) have other numbers, so they are refused altogether; so are calls younger than
the list, as if the kernel were older.
"""

import errno
import json
import os
import platform
import struct
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

Machine = Literal["x86_64", "aarch64"]

FORBIDDEN = (
    *("mount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount"),
    *("open_tree", "open_tree_attr", "mount_setattr", "setns", "open_by_handle_at", "fanotify_init"),
    *("add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "lookup_dcookie", "syslog"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "iopl", "ioperm", "vhangup"),
    *("init_module", "finit_module", "delete_module", "create_module", "query_module", "get_kernel_syms"),
    *("kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd"),
    *("settimeofday", "clock_settime", "sethostname", "setdomainname", "nfsservctl", "uselib", "ustat", "sysfs"),
    *("_sysctl", "afs_syscall", "vserver", "tuxcall", "security", "getpmsg", "putpmsg", "epoll_ctl_old"),
)
"""Answered with EPERM, whatever their arguments."""

UNANSWERED = ("clone3",)
"""Answered with ENOSYS: its flags lie in memory, where no filter sees them; C libraries go back to `clone`."""

NEW_NAMESPACES = 0x7E02_0080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWTIME."""

FAMILIES = (1, 2, 10, 16)
"""The sockets an environment may have: Unix, IPv4, IPv6, netlink; not those to a hypervisor, ciphers or hardware."""

TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal; a container's terminal is its own, so Docker's profile lacks them."""

_AUDIT: dict[Machine, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
_ALLOW, _ERROR = 0x7FFF_0000, 0x0005_0000


class _Step(NamedTuple):
    """One instruction; jumps count the instructions they leave out."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0


@cache
def numbers(machine: Machine) -> dict[str, int]:
    """The calls of a processor by name."""
    column = ("x86_64", "aarch64").index(machine)
    table: dict[str, list[int | None]] = json.loads(files("devctl").joinpath("syscalls.json").read_text())
    return {name: number for name, row in table.items() if (number := row[column]) is not None}


@cache
def bubblewrap_filter() -> bytes | None:
    """The filter as the kernel takes it; None on a processor whose calls are not listed."""
    steps = _steps_here()
    return (
        b"".join(struct.pack("=HBBI", step.code, step.if_true, step.if_false, step.operand) for step in steps) or None
    )


def _steps_here() -> list[_Step]:
    for machine in _AUDIT:
        if machine == platform.machine():
            return _steps(machine)
    return []


def _steps(machine: Machine) -> list[_Step]:
    known = numbers(machine)
    steps = [
        _Step(_LOAD, _ARCHITECTURE),
        _Step(_EQUAL, _AUDIT[machine], 1, 0),
        _refusal(errno.ENOSYS),
        _Step(_LOAD, _NUMBER),
        _Step(_GREATER, max(known.values()), 0, 1),
        _refusal(errno.ENOSYS),
    ]
    for name in FORBIDDEN:
        if name in known:
            steps += [_Step(_EQUAL, known[name], 0, 1), _refusal(errno.EPERM)]
    for name in UNANSWERED:
        steps += [_Step(_EQUAL, known[name], 0, 1), _refusal(errno.ENOSYS)]
    for name in ("clone", "unshare"):
        flags = [_Step(_LOAD, _FIRST), _Step(_ANY_BIT, NEW_NAMESPACES, 0, 1), _refusal(errno.EPERM), _allowed()]
        steps += [_Step(_EQUAL, known[name], 0, len(flags)), *flags]
    families = [_Step(_EQUAL, family, len(FAMILIES) - place, 0) for place, family in enumerate(FAMILIES)]
    sockets = [_Step(_LOAD, _FIRST), *families, _refusal(errno.EAFNOSUPPORT), _allowed()]
    steps += [_Step(_EQUAL, known["socket"], 0, len(sockets)), *sockets]
    requests = [_Step(_EQUAL, request, len(TERMINAL_INPUT) - place, 0) for place, request in enumerate(TERMINAL_INPUT)]
    controls = [_Step(_LOAD, _SECOND), *requests, _allowed(), _refusal(errno.EPERM)]
    steps += [_Step(_EQUAL, known["ioctl"], 0, len(controls)), *controls]
    return [*steps, _allowed()]


def _allowed() -> _Step:
    return _Step(_RETURN, _ALLOW)


def _refusal(number: int) -> _Step:
    return _Step(_RETURN, _ERROR | number)


@cache
def docker_profile() -> str:
    """The same as a profile that a Docker engine takes in `security_opt`, for either processor.

    An engine's own default is as strict only where the engine is young: 20.10 lets through io_uring and sockets to
    the hypervisor.
    """
    listed = sorted({*numbers("x86_64"), *numbers("aarch64")})
    conditional = {"clone", "unshare", "socket"}
    plain = [name for name in listed if name not in {*FORBIDDEN, *UNANSWERED, *conditional}]
    rules = [
        _rule(plain, "SCMP_ACT_ALLOW"),
        _rule(["clone", "unshare"], "SCMP_ACT_ALLOW", [_argument(0, NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ")]),
        *(_rule(["socket"], "SCMP_ACT_ALLOW", [_argument(0, family, "SCMP_CMP_EQ")]) for family in FAMILIES),
        {**_rule(list(UNANSWERED), "SCMP_ACT_ERRNO"), "errnoRet": errno.ENOSYS},
    ]
    processors = [
        {"architecture": name, "subArchitectures": list[str]()} for name in ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64")
    ]
    return json.dumps(
        {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": errno.EPERM, "archMap": processors, "syscalls": rules}
    )


def _rule(names: list[str], action: str, arguments: list[dict[str, object]] | None = None) -> dict[str, object]:
    return {"names": names, "action": action, "args": arguments or []}


def _argument(index: int, value: int, comparison: str) -> dict[str, object]:
    return {"index": index, "value": value, "valueTwo": 0, "op": comparison}


def memory_file() -> int | None:
    """A descriptor from which bubblewrap reads the filter; None where there is none."""
    program = bubblewrap_filter()
    if program is None:
        return None
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    os.write(descriptor, program)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
