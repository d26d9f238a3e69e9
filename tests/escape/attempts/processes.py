"""Ways to processes of the host, and to memory shared with them."""

import ctypes
import os
import signal
from pathlib import Path

from tests.escape.attempts.attempt import Host, Stopped, attempt, libc, syscall

PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17


@attempt("processes")
def signal_a_process_of_the_host(host: Host) -> str:
    os.kill(host.victim, signal.SIGWINCH)
    return "signalled it" if _is_victim(host) else ""


def _is_victim(host: Host) -> bool:
    """A number of the host can be another process inside."""
    return host.marker in Path(f"/proc/{host.victim}/cmdline").read_text()


@attempt("processes")
def find_a_process_of_the_host(host: Host) -> str:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in (os.getpid(), os.getppid()):
            try:
                words = (entry / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if host.marker in words:
                return f"it is {entry.name}"
    raise Stopped("no such process")


@attempt("processes")
def trace_a_process_of_the_host(host: Host) -> str:
    syscall("ptrace", PTRACE_SEIZE, host.victim, 0, 0)
    return "traced it" if _is_victim(host) else ""


@attempt("processes")
def read_the_memory_of_a_process(host: Host) -> str:
    if not _is_victim(host):
        raise Stopped("no such process")
    start = int(Path(f"/proc/{host.victim}/maps").read_text().split("-")[0], 16)
    with Path(f"/proc/{host.victim}/mem").open("rb") as memory:
        memory.seek(start)
        return f"read {len(memory.read(16))} bytes"


@attempt("processes")
def copy_the_memory_of_a_process(host: Host) -> str:
    buffer = ctypes.create_string_buffer(8)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    start = int(Path(f"/proc/{host.victim}/maps").read_text().split("-")[0], 16) if _is_victim(host) else 4096
    there = (ctypes.c_size_t * 2)(start, 8)
    syscall("process_vm_readv", host.victim, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return "copied its memory"


@attempt("processes")
def take_a_descriptor_of_a_process(host: Host) -> str:
    process = syscall("pidfd_open", host.victim, 0)
    if not _is_victim(host):
        raise Stopped("that number is another process")
    return f"has it as {syscall('pidfd_getfd', process, 1, 0)}"


@attempt("processes")
def read_the_variables_of_other_users(host: Host) -> str:
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid != os.getuid():
                variables = (entry / "environ").read_bytes()
                return f"read those of {entry.name}" if variables else ""
        except OSError:
            continue
    if _is_victim(host):
        return f"read {len(Path(f'/proc/{host.victim}/environ').read_bytes())} bytes of the victim's"
    raise Stopped("there are none to read")


@attempt("shared memory")
def read_memory_that_the_host_shares(host: Host) -> str:
    return f"segment {syscall('shmget', host.shared_key, 0, 0o444)}"


@attempt("shared memory")
def read_a_file_that_the_host_shares(host: Host) -> str:
    return "read it" if host.word in Path(host.shared_file).read_text() else ""


@attempt("shared memory")
def read_a_message_queue_of_the_host(host: Host) -> str:
    return f"opened as {syscall('mq_open', host.queue.encode(), os.O_RDONLY, 0, None)}"


@attempt("rights")
def become_root(host: Host) -> str:
    os.setresuid(0, 0, 0)
    return f"is user {os.geteuid()}"


@attempt("rights")
def join_another_group(host: Host) -> str:
    os.setgroups([0, 6])
    return "is in the groups of root and of disks"


@attempt("rights")
def gain_capabilities(host: Host) -> str:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)(1 << 21, 1 << 21, 0, 0, 0, 0)
    syscall("capset", ctypes.byref(header), ctypes.byref(data))
    return "has CAP_SYS_ADMIN"


@attempt("rights")
def gain_rights_by_running_something(host: Host) -> str:
    return "nothing forbids it" if libc.prctl(39, 0, 0, 0, 0) == 0 else ""


@attempt("rights")
def go_before_all_others(host: Host) -> str:
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    return "has the highest priority"


@attempt("rights")
def take_the_processor_for_itself(host: Host) -> str:
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
    return "runs in real time"


@attempt("rights")
def be_spared_when_memory_is_short(host: Host) -> str:
    Path("/proc/self/oom_score_adj").write_text("-1000")
    return "is spared"
