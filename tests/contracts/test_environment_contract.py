"""What every backend of environments must do alike; each test says which backend it ran on."""

import os
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devctl import (
    INSIDE_PORT,
    Environment,
    EnvironmentGone,
    Launcher,
    LaunchRequest,
    Limits,
    PathRefused,
    PreparationFailed,
    PrepareRequest,
    ServeFailed,
)
from tests.devctl.machines import SANDBOXES, launcher_on
from tests.devctl.wheels import BACKEND, serve_index, write_tree, write_wheel

LIMITS = Limits(memory_mb=256, pids=48, seconds=20, output_bytes=20_000, disk_mb=16)


@pytest.fixture(scope="module", params=[*SANDBOXES, "none"])
def launcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    folder = tmp_path_factory.mktemp("index")
    write_wheel(folder, "blue", "1.0", requires=("green>=2",))
    write_wheel(folder, "green", "2.1")
    write_wheel(folder, "tinybuild", "1.0", code=BACKEND)
    with (
        serve_index(folder) as (url, _),
        launcher_on(
            request.param, tmp_path_factory.mktemp("devctl"), installer_env={"UV_DEFAULT_INDEX": url}
        ) as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
def environment(launcher: Launcher) -> Iterator[Environment]:
    with launcher.launch(LaunchRequest(limits=LIMITS, env={"FLAVOUR": "plain"})) as launched:
        yield launched


@pytest.fixture(scope="module")
def sandboxed(environment: Environment) -> Environment:
    if environment.info.backend == "none":
        pytest.skip("there is nothing to escape from without a sandbox")
    return environment


def output(environment: Environment, script: str) -> str:
    return environment.exec(["sh", "-c", script]).output.strip()


def test_a_command_gives_its_output_and_status(environment: Environment) -> None:
    result = environment.exec(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.output, result.exit_code, result.timed_out) == ("out\nerr\n", 3, False)


def test_a_program_that_is_not_there_is_127(environment: Environment) -> None:
    assert environment.exec(["no-such-program"]).exit_code == 127


def test_stdin_is_empty_unless_given(environment: Environment) -> None:
    assert environment.exec(["cat"]).output == ""
    assert environment.exec(["cat"], stdin="line\n").output == "line\n"


def test_variables_are_merged(environment: Environment) -> None:
    result = environment.exec(["sh", "-c", 'echo "$FLAVOUR $COLOUR"'], env={"COLOUR": 'it\'s "blue"\n$HOME'})
    assert result.output == 'plain it\'s "blue"\n$HOME\n'


def test_each_command_is_a_fresh_process_but_files_stay(environment: Environment) -> None:
    environment.exec(["sh", "-c", "export LEFT=1; echo kept > note; mkdir -p inner"])
    assert output(environment, 'echo "=$LEFT"; cat note; cd inner && pwd').splitlines() == [
        "=", "kept", f"{environment.workdir}/inner",
    ]  # fmt: skip
    assert environment.exec(["pwd"], cwd="inner").output.strip() == f"{environment.workdir}/inner"


def test_a_folder_to_work_in_outside_is_refused(environment: Environment) -> None:
    with pytest.raises(PathRefused):
        environment.exec(["true"], cwd="../..")


def test_output_that_is_no_text_is_replaced(environment: Environment) -> None:
    assert environment.exec(["printf", "a\\377b"]).output == "a\ufffdb"


def test_ten_megabytes_of_output_are_cut_in_the_middle(environment: Environment) -> None:
    script = "echo first; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo last"
    result = environment.exec(["sh", "-c", script])
    assert result.truncated
    assert result.output.startswith("first\nxxx")
    assert result.output.endswith("xxx\nlast\n")
    assert "bytes omitted" in result.output
    assert len(result.output) < LIMITS.output_bytes + 100


def test_a_timeout_ends_the_children_too(environment: Environment) -> None:
    marker = "while true; do date > /dev/null; touch alive; sleep 0.05; done"
    result = environment.exec(["sh", "-c", f"(setsid sh -c '{marker}' &) ; sleep 100"], seconds=1)
    assert result.timed_out
    assert result.exit_code == 124
    output(environment, "rm -f alive")
    assert output(environment, "sleep 0.3; ls alive 2>/dev/null") == ""


def test_files_go_in_and_out(environment: Environment, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "in", {"a.txt": "one", "deep/b.sh": "#!/bin/sh\necho two\n"})
    (tree / "deep/b.sh").chmod(0o755)
    (tree / "link").symlink_to("a.txt")
    environment.put(tree, "tree")
    assert output(environment, "cat tree/link; tree/deep/b.sh; echo three >> tree/a.txt") == "onetwo"
    assert environment.get("tree", tmp_path / "out") == ()
    assert (tmp_path / "out/a.txt").read_text() == "onethree\n"
    assert (tmp_path / "out/link").readlink() == Path("a.txt")
    assert os.access(tmp_path / "out/deep/b.sh", os.X_OK)
    environment.put(tmp_path / "out/a.txt", "single/copy.txt")
    environment.get("single/copy.txt", tmp_path / "copy.txt")
    assert (tmp_path / "copy.txt").read_text() == "onethree\n"


def test_a_link_is_never_followed_out(environment: Environment, tmp_path: Path) -> None:
    output(environment, "mkdir -p trap && ln -sfn /etc trap/out && ln -sfn /etc/passwd trap/file && mkfifo trap/p")
    assert set(environment.get("trap", tmp_path / "got")) == {"out", "file", "p"}
    assert list((tmp_path / "got").iterdir()) == []
    for path in ("trap/file", "trap/out/passwd", "../etc/passwd", "/etc/passwd"):
        with pytest.raises(PathRefused):
            environment.get(path, tmp_path / "stolen")
    source = write_tree(tmp_path / "source", {"new": "x"})
    with pytest.raises(PathRefused):
        environment.put(source, "trap/out")
    assert not (tmp_path / "stolen").exists()


def test_more_than_the_disk_limit_is_not_carried(environment: Environment, tmp_path: Path) -> None:
    output(environment, "mkdir -p big; for i in 1 2 3; do head -c 7000000 /dev/zero > big/$i; done")
    with pytest.raises(PathRefused, match="16 MiB"):
        environment.get("big", tmp_path / "big")
    output(environment, "rm -r big")


def test_a_file_over_the_disk_limit_is_not_written(environment: Environment) -> None:
    result = environment.exec(["sh", "-c", "head -c 20000000 /dev/zero > huge"])
    assert result.exit_code != 0
    assert int(output(environment, "stat -c %s huge; rm huge")) <= 16 * 2**20


def test_a_server_inside_answers_on_loopback_and_stops(environment: Environment) -> None:
    port = _free_port()
    output(environment, "mkdir -p site && echo hello > site/index.html")
    script = f"cd site && exec python3 -m http.server {port} --bind 127.0.0.1"
    with environment.serve(["sh", "-c", script], port) as served:
        assert served.url.startswith("http://127.0.0.1:")
        for _ in range(3):
            with urllib.request.urlopen(served.url, timeout=60) as page:  # noqa: S310 - our own loopback address
                assert page.read() == b"hello\n"
    assert not served.alive
    with pytest.raises(OSError):
        urllib.request.urlopen(served.url, timeout=2)  # noqa: S310 - our own loopback address


def test_one_port_of_the_host_can_be_reached_where_asked_for(environment: Environment) -> None:
    ask = f"""
import socket
def reach(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"ping")
            return connection.recv(100).decode()
    except OSError:
        return "closed"
print(reach({INSIDE_PORT}))
"""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(connection.recv(100).upper())

        threading.Thread(target=answer, daemon=True).start()
        port = server.getsockname()[1]
        assert environment.exec(["python3", "-c", ask]).output.strip() == "closed"
        assert environment.exec(["python3", "-c", ask], host_port=port).output.strip() == "PING"
        assert environment.exec(["sh", "-c", "exit 7"], host_port=port).exit_code == 7


def test_a_server_that_ends_says_what_it_printed(environment: Environment) -> None:
    with pytest.raises(ServeFailed) as caught:
        environment.serve(["sh", "-c", "echo no config; exit 1"], _free_port())
    assert "no config" in caught.value.output


def test_commands_run_at_the_same_time(environment: Environment) -> None:
    results: list[str] = []

    def wait(name: str, other: str) -> None:
        script = f"touch {name}; while ! [ -e {other} ]; do sleep 0.02; done; echo met"
        results.append(environment.exec(["sh", "-c", script]).output)

    threads = [threading.Thread(target=wait, args=pair) for pair in (("me", "you"), ("you", "me"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["met\n", "met\n"]


def test_what_runs_is_listed_and_stopping_leaves_nothing(launcher: Launcher) -> None:
    launched = launcher.launch(LaunchRequest(limits=LIMITS, labels={"task": "T-1"}))
    listed = {info.id: info for info in launcher.running()}
    assert listed[launched.id].labels == {"task": "T-1"}
    launched.stop()
    launched.stop()
    assert launched.id not in {info.id for info in launcher.running()}
    with pytest.raises(EnvironmentGone):
        launched.exec(["true"])


def test_stopping_by_name_ends_a_command_that_runs(launcher: Launcher) -> None:
    launched = launcher.launch(LaunchRequest(limits=LIMITS))
    timer = threading.Timer(0.5, launcher.stop, args=(launched.id,))
    timer.start()
    with pytest.raises(EnvironmentGone):
        launched.exec(["sleep", "15"])
    timer.join()


def test_dependencies_are_installed_once_and_the_project_is_found(launcher: Launcher, tmp_path: Path) -> None:
    tree = write_tree(
        tmp_path / "shop",
        {
            "pyproject.toml": '[build-system]\nrequires = ["tinybuild"]\nbuild-backend = "tinybuild"\n'
            '[project]\nname = "shop"\nversion = "4.5"\ndependencies = ["blue"]\n',
            "src/shop.py": "import blue, green\nfrom importlib.metadata import version\n"
            "def hello():\n    print(version('shop'), blue.VERSION, green.VERSION)\n",
        },
    )
    prepared = launcher.prepare(PrepareRequest(tree=tree))
    assert launcher.prepare(PrepareRequest(tree=tree)) == prepared
    with launcher.launch(LaunchRequest(prepared=prepared, limits=LIMITS)) as launched:
        launched.put(tree)
        assert launched.exec(["shop-hello"]).output == "4.5 1.0 2.1\n"
        assert launched.exec(["python", "-c", "import shop; shop.hello()"]).output == "4.5 1.0 2.1\n"
        assert output(launched, "find . -type f | sort") == "./pyproject.toml\n./src/shop.py"
        assert output(launched, "pip list") == "blue==1.0\ngreen==2.1\nshop==4.5\ntinybuild==1.0"
        assert "Requires: green>=2" in output(launched, "pip show blue")
        refused = launched.exec(["pip", "install", "green"])
        assert (refused.exit_code, "no network" in refused.output) == (1, True)
        changed = (tree / "pyproject.toml").read_text().replace("4.5", "4.6")
        launched.exec(["sh", "-c", "cat > pyproject.toml"], stdin=changed)
        assert launched.exec(["shop-hello"]).output == "4.6 1.0 2.1\n"


def test_a_package_that_is_not_there_fails_with_the_installers_words(launcher: Launcher, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "broken", {"requirements.txt": "no-such-colour==9\n"})
    with pytest.raises(PreparationFailed) as caught:
        launcher.prepare(PrepareRequest(tree=tree))
    assert "no-such-colour" in caught.value.log


def test_the_hosts_homes_and_files_cannot_be_read(sandboxed: Environment, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    script = f"cat {secret} {Path.home()}/.ssh/* {Path.home()}/.netrc /etc/shadow; ls {Path(__file__).parent}"
    result = sandboxed.exec(["sh", "-c", script])
    assert "hunter2" not in result.output
    assert "root:" not in result.output
    assert Path(__file__).name not in result.output


def test_nothing_of_the_hosts_environment_is_seen(sandboxed: Environment) -> None:
    names = {line.partition("=")[0] for line in output(sandboxed, "env").splitlines()}
    assert names <= {
        "HOME", "USER", "LANG", "PATH", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_", "FLAVOUR", "HOSTNAME",
        "PYTHONDONTWRITEBYTECODE", "DEVCTL_PYTHON",
    }  # fmt: skip


def test_commands_have_no_rights_and_gain_none(sandboxed: Environment) -> None:
    status = dict(
        line.split(":\t", 1) for line in output(sandboxed, "cat /proc/self/status").splitlines() if ":\t" in line
    )
    assert set(status["Uid"].split()) != {"0"}
    assert {status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert "root" not in output(sandboxed, "cp /bin/cat c; chmod u+s c; ./c /etc/shadow; su -c id </dev/null; rm c")


def test_the_network_is_closed(sandboxed: Environment) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - something that could be reached
        port = listener.getsockname()[1]
        script = (
            "import socket\nfor host in ('127.0.0.1', '1.1.1.1', 'fd00::1'):\n"
            f"    try: socket.create_connection((host, {port}), timeout=3); print('reached', host)\n"
            "    except OSError as error: pass\nprint('tried')"
        )
        assert output(sandboxed, f'python3 -c "{script}"') == "tried"
    assert output(sandboxed, "cat /proc/net/dev | tail -n +3 | cut -d: -f1").split() == ["lo"]


def test_no_docker_socket_is_seen(sandboxed: Environment) -> None:
    assert output(sandboxed, "find /run /var /tmp /home /root /opt -name '*docker*.sock' 2>/dev/null") == ""


def test_processes_of_the_host_cannot_be_seen_or_signalled(sandboxed: Environment) -> None:
    assert "gone" in output(sandboxed, f"kill -0 {os.getpid()} 2>&1 || echo gone")
    pids = output(sandboxed, "ls /proc | grep -c '^[0-9]'")
    assert int(pids) < 20


def test_the_system_cannot_be_changed(sandboxed: Environment) -> None:
    for path in ("/usr/bin/evil", "/etc/passwd", "/evil", "/opt/devctl/inside/relay.py", "/proc/sys/kernel/hostname"):
        assert sandboxed.exec(["sh", "-c", f"echo x >> {path}"]).exit_code != 0
    assert sandboxed.exec(["sh", "-c", "mount -t tmpfs none /work"]).exit_code != 0


def test_a_fork_bomb_is_bounded_and_goes_away(sandboxed: Environment) -> None:
    script = "import os, time\nmade = 0\ntry:\n    while True:\n        if os.fork() == 0: time.sleep(30)\n"
    script += "        made += 1\nexcept OSError: print(made)\nfinally: os.kill(0, 9)"
    result = sandboxed.exec(["python3", "-u", "-c", script], seconds=10)
    assert 0 < int(result.output.split()[0]) <= LIMITS.pids
    assert output(sandboxed, "echo fine") == "fine"


def test_a_memory_bomb_ends_alone(sandboxed: Environment) -> None:
    result = sandboxed.exec(["python3", "-c", "x = bytearray(2_000_000_000); print('had it')"])
    assert result.exit_code != 0
    assert "had it" not in result.output
    assert output(sandboxed, "echo fine") == "fine"


def test_a_preloaded_library_runs_only_without_rights(sandboxed: Environment) -> None:
    result = sandboxed.exec(["id", "-u"], env={"LD_PRELOAD": "/work/evil.so", "BASH_ENV": "/work/evil"})
    assert result.output.splitlines()[-1] != "0"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
