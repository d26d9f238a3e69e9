"""Control group and process files as kernels of both versions write them."""

from pathlib import Path

ID = "4f1c" * 16


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def version_1(root: Path) -> None:
    """A container of an engine with the cgroupfs driver: a hierarchy for each controller, two of them joined."""
    write(root, {
        "proc/42/cgroup": f"9:name=systemd:/docker/{ID}\n7:blkio:/docker/{ID}\n4:memory:/docker/{ID}\n"
        f"2:cpu,cpuacct:/docker/{ID}\n1:pids:/docker/{ID}\n0::/\n",
        f"cg/cpu,cpuacct/docker/{ID}/cpuacct.usage": "12500000000\n",
        f"cg/cpu,cpuacct/docker/{ID}/cpu.stat": "nr_periods 10\nnr_throttled 3\nthrottled_time 1500000000\n",
        f"cg/memory/docker/{ID}/memory.usage_in_bytes": "104857600\n",
        f"cg/memory/docker/{ID}/memory.limit_in_bytes": "268435456\n",
        f"cg/memory/docker/{ID}/memory.stat": "cache 50000\ninactive_file 1\ntotal_inactive_file 4857600\n",
        f"cg/memory/docker/{ID}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        f"cg/pids/docker/{ID}/pids.current": "7\n",
        f"cg/blkio/docker/{ID}/blkio.throttle.io_service_bytes": "254:0 Read 1000\n254:0 Write 200\n254:0 Sync 1\n"
        "254:0 Total 1200\n8:16 Read 30\n8:16 Write 4\nTotal 1234\n",
    })  # fmt: skip
    process(root)


def version_2(root: Path) -> None:
    """A container of an engine with the systemd driver: one hierarchy."""
    group = f"cg/system.slice/docker-{ID}.scope"
    write(root, {
        "proc/42/cgroup": f"0::/system.slice/docker-{ID}.scope\n",
        "cg/cgroup.controllers": "cpu io memory pids\n",
        f"{group}/cpu.stat": "usage_usec 12500000\nuser_usec 1\nsystem_usec 1\nnr_periods 1\nthrottled_usec 1500000\n",
        f"{group}/memory.current": "104857600\n",
        f"{group}/memory.max": "268435456\n",
        f"{group}/memory.stat": "anon 1\nfile 2\ninactive_file 4857600\n",
        f"{group}/memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n",
        f"{group}/pids.current": "7\n",
        f"{group}/io.stat": "254:0 rbytes=1000 wbytes=200 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=30 wbytes=4\n7:0 \n",
    })  # fmt: skip
    process(root)


def process(root: Path) -> None:
    head = "Inter-|   Receive                    |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n"
    write(root, {
        "proc/42/net/dev": f"{head}    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n  eth0: 5000 1 0 0 0 0 0 0 600 1 0 0 0 0 0 0\n"
        "  eth1:7 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0\n",
        "proc/42/mountinfo": "100 99 0:50 / / rw - overlay overlay rw\n101 100 8:16 /v /data rw - ext4 /dev/sdb rw\n"
        "102 100 0:5 / /tmp rw - tmpfs tmpfs rw\n",
    })  # fmt: skip
