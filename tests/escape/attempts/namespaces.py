"""Ways through mounts and namespaces."""

import ctypes
import os
import platform
from pathlib import Path

from tests.escape.attempts.attempt import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    Host,
    Stopped,
    attempt,
    libc,
    syscall,
)

MS_REMOUNT, MS_BIND = 0x20, 0x1000


@attempt("mounts")
def mount_a_file_system(host: Host) -> str:
    Path("mounted").mkdir(exist_ok=True)
    syscall("mount", b"none", b"mounted", b"tmpfs", 0, None)
    syscall("umount2", b"mounted", 2)
    return "mounted one"


@attempt("mounts")
def mount_by_the_new_calls(host: Host) -> str:
    return f"opened as {syscall('fsopen', b'tmpfs', 0)}"


@attempt("mounts")
def copy_a_mount(host: Host) -> str:
    return f"copied as {syscall('open_tree', -100, b'/', 1)}"


@attempt("mounts")
def make_the_system_writable(host: Host) -> str:
    Path("bound").mkdir(exist_ok=True)
    for path in (b"/usr", b"/", b"/proc/sys"):
        try:
            syscall("mount", None, path, None, MS_REMOUNT | MS_BIND, None)
        except OSError:
            continue
        return f"mounted {path.decode()} anew"
    syscall("mount", b"/usr", b"bound", None, MS_BIND, None)
    syscall("mount", None, b"bound", None, MS_REMOUNT | MS_BIND, None)
    syscall("umount2", b"bound", 2)
    return "mounted /usr anew"


@attempt("mounts")
def uncover_what_a_mount_hides(host: Host) -> str:
    for path in ("/dev/shm", "/proc/kcore", "/proc", "/work", "/dev/pts"):
        try:
            syscall("umount2", path.encode(), 2)
        except OSError:
            continue
        return f"took {path} away"
    raise Stopped("nothing can be taken away")


@attempt("mounts")
def mount_the_control_groups(host: Host) -> str:
    Path("groups").mkdir(exist_ok=True)
    syscall("mount", b"cgroup", b"groups", b"cgroup", 0, b"memory")
    syscall("umount2", b"groups", 2)
    return "mounted them"


@attempt("mounts")
def change_the_root(host: Host) -> str:
    os.chroot("/")
    return "changed it"


@attempt("mounts")
def swap_the_root(host: Host) -> str:
    try:
        syscall("pivot_root", b".", b".")
    except OSError as error:
        if error.strerror != os.strerror(1):
            return f"it was let through: {error.strerror}"
        raise
    return "swapped it"


@attempt("namespaces")
def be_root_in_a_user_namespace(host: Host) -> str:
    syscall("unshare", CLONE_NEWUSER)
    return "has one, and all capabilities in it"


@attempt("namespaces")
def be_root_in_a_cloned_user_namespace(host: Host) -> str:
    child = syscall("clone", CLONE_NEWUSER | 17, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "cloned into one"


@attempt("namespaces")
def be_root_in_a_user_namespace_by_the_new_call(host: Host) -> str:
    arguments = (ctypes.c_uint64 * 8)(CLONE_NEWUSER, 0, 0, 0, 17, 0, 0, 0)
    child = syscall("clone3", ctypes.byref(arguments), 64)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "cloned into one"


@attempt("namespaces")
def be_root_in_a_user_namespace_by_a_call_of_32_bits(host: Host) -> str:
    """A filter that looks at 64-bit calls alone is passed by the calls of the older processor."""
    if platform.machine() != "x86_64":
        raise Stopped(f"{platform.machine()} has no such calls")
    # mov eax, 310 (unshare); mov ebx, CLONE_NEWUSER; int 0x80; ret, with rbx kept
    code = b"\x53\xb8\x36\x01\x00\x00\xbb" + CLONE_NEWUSER.to_bytes(4, "little") + b"\xcd\x80\x5b\xc3"
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, *[ctypes.c_long] * 5]
    place = libc.mmap(None, 4096, 7, 0x22, -1, 0)
    ctypes.memmove(place, code, len(code))
    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CFUNCTYPE(ctypes.c_int)(place)() == 0 else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise Stopped(f"it ended with {status}")
    return "has one"


@attempt("namespaces")
def have_ones_own_mounts(host: Host) -> str:
    syscall("unshare", CLONE_NEWNS)
    return "has them"


@attempt("namespaces")
def mount_inside_a_user_namespace(host: Host) -> str:
    syscall("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID)
    Path("inner").mkdir(exist_ok=True)
    syscall("mount", b"none", b"inner", b"tmpfs", 0, None)
    return "mounted in it"


@attempt("namespaces")
def enter_the_namespaces_of_another_process(host: Host) -> str:
    reasons = []
    for pid in (1, host.victim):
        for name in ("net", "uts", "ipc"):
            try:
                syscall("setns", os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), 0)
            except OSError as error:
                reasons.append(str(error.strerror))
            else:
                return f"entered {name} of {pid}"
    raise Stopped("; ".join(reasons))
