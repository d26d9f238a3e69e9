"""Ways to files and devices of the host."""

import ctypes
import fcntl
import os
import stat
from pathlib import Path

from tests.escape.attempts.attempt import Host, Stopped, attempt, syscall


def _opens(paths: list[str], flags: int) -> str:
    """Open the first that can be, and change nothing; raises Stopped with what each said."""
    reasons = []
    for path in paths:
        try:
            os.close(os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            reasons.append(f"{path}: {error.strerror}")
        else:
            return f"opened {path}"
    raise Stopped("; ".join(reasons))


@attempt("files")
def read_a_file_of_the_host(host: Host) -> str:
    return "read it" if host.word in Path(host.secret).read_text() else ""


@attempt("files")
def read_a_file_through_dots(host: Host) -> str:
    return "read it" if host.word in Path("/work/" + "../" * 20 + host.secret).read_text() else ""


@attempt("files")
def read_a_file_through_a_link(host: Host) -> str:
    link = Path("way-out")
    link.unlink(missing_ok=True)
    link.symlink_to(host.secret)
    return "read it" if host.word in link.read_text() else ""


@attempt("files")
def list_a_folder_of_the_host(host: Host) -> str:
    return " ".join(path.name for path in list(Path(host.tree).iterdir())[:3])


@attempt("files")
def read_the_password_hashes(host: Host) -> str:
    return "read /etc/shadow" if "root:" in Path("/etc/shadow").read_text() else ""


@attempt("files")
def read_through_the_roots_of_processes(host: Host) -> str:
    for entry in Path("/proc").iterdir():
        for way in ("root", "cwd"):
            path = f"{entry}/{way}/{'../' * 10}{host.secret}"
            if entry.name.isdigit() and os.access(path, os.R_OK) and host.word in Path(path).read_text():
                return path
    raise Stopped("no process's root shows it")


@attempt("files")
def read_through_an_open_descriptor(host: Host) -> str:
    for entry in Path("/proc/self/fd").iterdir():
        if int(entry.name) > 2 and os.path.lexists(entry):
            target = str(entry.readlink())
            if target.startswith("/") and not target.startswith(("/proc", "/work", "/dev/null")):
                return f"{entry.name} is {target}"
    raise Stopped("nothing of the host was left open")


@attempt("files")
def open_a_file_by_its_handle(host: Host) -> str:
    handle = ctypes.create_string_buffer(8 + 128)
    ctypes.memmove(handle, (128).to_bytes(4, "little"), 4)
    mount = ctypes.c_int()
    syscall("name_to_handle_at", -100, b".", handle, ctypes.byref(mount), 0)
    here = os.open(".", os.O_RDONLY)
    return f"opened as {syscall('open_by_handle_at', here, handle, os.O_RDONLY)}"


@attempt("files")
def change_a_file_of_the_system(host: Host) -> str:
    return _opens(["/etc/passwd", "/usr/bin/env", "/bin/sh", "/etc/hosts"], os.O_WRONLY)


@attempt("files")
def add_a_file_to_the_system(host: Host) -> str:
    for folder in ("/usr/bin", "/etc", "/", "/opt", "/usr/lib"):
        path = Path(folder) / "escape-probe"
        try:
            path.touch()
        except OSError:
            continue
        path.unlink()
        return f"wrote {path}"
    raise Stopped("no folder of the system takes a file")


@attempt("files", "there are no programs of devctl outside an environment")
def change_what_devctl_runs_inside(host: Host) -> str:
    return _opens([str(path) for path in Path("/opt/devctl/inside").glob("*.py")], os.O_WRONLY)


@attempt("files")
def run_a_program_with_its_owners_rights(host: Host) -> str:
    import subprocess
    import time

    found = [p for p in Path("/usr/bin").iterdir() if not p.is_symlink() and p.stat().st_mode & stat.S_ISUID]
    for program in found:
        with subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as run:
            try:
                for _ in range(20):
                    lines = Path(f"/proc/{run.pid}/status").read_text().splitlines()
                    user = next(line for line in lines if line.startswith("Uid:")).split()
                    if user[2] == "0":
                        return f"{program} runs as root"
                    time.sleep(0.005)
            except OSError:
                continue
            finally:
                run.kill()
    raise Stopped(f"{len(found)} such programs, none ran as root")


@attempt("files")
def make_a_program_that_gains_rights(host: Host) -> str:
    path = Path("gains")
    path.write_bytes(Path("/bin/true").read_bytes())
    os.chown(path, 0, 0)
    path.chmod(0o4755)
    return "made a set-user-id program of root" if path.stat().st_mode & stat.S_ISUID else ""


@attempt("devices")
def make_a_device_of_the_disk(host: Host) -> str:
    path = Path("disk")
    path.unlink(missing_ok=True)
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 0))
    path.unlink()
    return "made a block device"


@attempt("devices")
def make_a_device_of_the_memory(host: Host) -> str:
    path = Path("memory")
    path.unlink(missing_ok=True)
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 1))
    path.unlink()
    return "made a character device"


@attempt("devices")
def open_a_device_of_the_host(host: Host) -> str:
    usual = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "fd", "stdin", "stdout", "stderr"}
    paths = [str(path) for path in Path("/dev").iterdir() if path.name not in usual and path.is_block_device()]
    return _opens([*paths, "/dev/mem", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/kmsg"], os.O_RDONLY)


@attempt("devices")
def type_into_the_callers_terminal(host: Host) -> str:
    for number in (0, 1, 2):
        try:
            fcntl.ioctl(number, 0x5412, b"\n")
        except OSError:
            if os.isatty(number):
                return "a terminal of the caller is within reach"
        else:
            return "typed a line"
    return _opens(["/dev/tty"], os.O_RDWR)


@attempt("docker")
def talk_to_the_docker_engine(host: Host) -> str:
    import socket

    reasons = []
    for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", host.socket):
        with socket.socket(socket.AF_UNIX) as engine:
            try:
                engine.connect(path)
            except OSError as error:
                reasons.append(f"{path}: {error.strerror}")
            else:
                return f"connected to {path}"
    raise Stopped("; ".join(reasons))


@attempt("proc")
def write_a_setting_of_the_kernel(host: Host) -> str:
    for path in ("kernel/core_pattern", "kernel/modprobe", "kernel/hostname", "vm/overcommit_memory"):
        setting = Path("/proc/sys") / path
        try:
            setting.write_text(setting.read_text())  # the value it has: harmless where it can be done
        except OSError:
            continue
        return f"wrote {setting}"
    raise Stopped("no setting can be written")


@attempt("proc")
def reach_the_kernels_emergency_keys(host: Host) -> str:
    return _opens(["/proc/sysrq-trigger"], os.O_WRONLY)


@attempt("proc")
def read_the_kernels_memory(host: Host) -> str:
    return _opens(["/proc/kcore", "/dev/mem", "/proc/kpageflags"], os.O_RDONLY)


@attempt("proc")
def read_where_the_kernel_lies(host: Host) -> str:
    with Path("/proc/kallsyms").open() as symbols:
        address = symbols.readline().split()[0]
    return f"it lies at {address}" if address.strip("0") else ""


@attempt("sys")
def have_the_kernel_run_a_program(host: Host) -> str:
    paths = ["/sys/kernel/uevent_helper", "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/rdma/release_agent"]
    paths += [str(path) for path in Path("/sys/fs/cgroup").glob("*/release_agent")]
    paths += [str(path) for path in Path("/sys/block").glob("*/uevent")]
    return _opens(paths, os.O_WRONLY)


@attempt("sys")
def lift_the_limits_of_the_control_group(host: Host) -> str:
    root = Path("/sys/fs/cgroup")
    paths = [*root.glob("*.max"), *root.glob("*/memory.limit_in_bytes"), *root.glob("*/pids.max")]
    paths += [*root.glob("*/cgroup.procs"), *root.glob("cgroup.procs"), *root.glob("*/tasks")]
    return _opens([str(path) for path in paths] or [str(root / "cgroup.procs")], os.O_WRONLY)


@attempt("sys")
def change_the_hardware(host: Host) -> str:
    paths = ["/sys/power/state", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/class/net/lo/mtu"]
    return _opens([*paths, "/sys/devices/system/cpu/cpu0/online", "/sys/bus/pci/rescan"], os.O_WRONLY)
