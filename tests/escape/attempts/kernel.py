"""Calls of the kernel that an environment has no use for: the ground on which most ways out were found."""

import ctypes
import os
from pathlib import Path

from tests.escape.attempts.attempt import Host, Stopped, attempt, libc, reaches, syscall


@attempt("keyrings")
def read_the_keyring_of_the_session(host: Host) -> str:
    return reaches("keyctl", 0, -3, 0)


@attempt("keyrings")
def put_a_key_where_others_find_it(host: Host) -> str:
    return f"key {syscall('add_key', b'user', b'escape', b'x', 1, -5)}"


@attempt("keyrings")
def ask_for_a_key(host: Host) -> str:
    return reaches("request_key", b"user", b"no-such-key", None, 0)


@attempt("kernel")
def load_a_program_into_the_kernel(host: Host) -> str:
    exit_program = (ctypes.c_uint64 * 2)(0x00000000000000B7, 0x0000000000000095)  # r0 = 0; exit
    licence = ctypes.create_string_buffer(b"GPL")
    fields = (ctypes.c_uint64 * 16)()
    fields[0] = 1 | 2 << 32  # a socket filter of two instructions
    fields[1], fields[2] = ctypes.addressof(exit_program), ctypes.addressof(licence)
    return f"loaded as {syscall('bpf', 5, ctypes.byref(fields), 128)}"


@attempt("kernel")
def watch_the_kernel(host: Host) -> str:
    fields = (ctypes.c_uint64 * 16)()
    fields[0] = 1 | 128 << 32  # PERF_TYPE_SOFTWARE, size of the record; config 0 is the processor's clock
    return f"counts as {syscall('perf_event_open', ctypes.byref(fields), 0, -1, -1, 0)}"


@attempt("kernel")
def queue_calls_past_the_filter(host: Host) -> str:
    return f"queue {syscall('io_uring_setup', 4, ctypes.byref((ctypes.c_uint32 * 30)()))}"


@attempt("kernel")
def hold_the_kernel_at_a_page(host: Host) -> str:
    return f"opened as {syscall('userfaultfd', os.O_CLOEXEC | 1)}"


@attempt("kernel")
def use_the_kernels_ciphers(host: Host) -> str:
    import socket

    family = next((f for f in (38, 40, 21, 16 + 13, 30, 31) if _socket(f, socket.SOCK_STREAM)), None)
    family = family or (17 if _socket(17, socket.SOCK_RAW) else None)
    return f"a socket of the family {family}" if family else ""


def _socket(family: int, kind: int) -> bool:
    number: int = libc.socket(family, kind, 0)
    if number >= 0:
        os.close(number)
    return number >= 0


@attempt("kernel")
def load_a_module(host: Host) -> str:
    with Path("module.ko").open("wb+") as module:
        return reaches("finit_module", module.fileno(), b"", 0)


@attempt("kernel")
def replace_the_kernel(host: Host) -> str:
    return reaches("kexec_load", 0, 1_000_000, None, 0)


@attempt("kernel")
def restart_the_machine(host: Host) -> str:
    return reaches("reboot", 0, 0, 0, None)  # wrong magic numbers: refused for those where rights are not missing


@attempt("kernel")
def turn_swapping_off(host: Host) -> str:
    return reaches("swapoff", b"/no/such/place")


@attempt("kernel")
def have_the_host_write_accounts(host: Host) -> str:
    return reaches("acct", b"/no/such/place")


@attempt("kernel")
def read_the_kernels_log(host: Host) -> str:
    return f"it has {syscall('syslog', 10, None, 0)} bytes"


@attempt("kernel")
def talk_to_the_ports_of_the_machine(host: Host) -> str:
    return reaches("iopl", 3)


@attempt("kernel")
def watch_all_files(host: Host) -> str:
    return f"watches as {syscall('fanotify_init', 4, 0)}"


@attempt("kernel")
def set_the_clock(host: Host) -> str:
    import time

    time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))
    return "set it"


@attempt("kernel")
def name_the_machine(host: Host) -> str:
    name = host.hostname.encode()
    if libc.sethostname(name, len(name)) != 0:
        raise Stopped(os.strerror(ctypes.get_errno()))
    return "named it"
