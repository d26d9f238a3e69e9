"""Admission by policy: what is refused, what is written down, and that quotas hold under load."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devctl.admission.audit import AuditFilter, AuditLine, forget, read
from devctl.admission.policy_admission import PolicyAdmission
from devctl.admission.questions import CallerFolders
from devctl.errors import LaunchRefused, NameTaken
from devctl.fleet.database import Database
from devctl.fleet.records import Egress, EnvironmentSpec, GpuWish, KeptLimits, Mount, SecretFile, User
from devctl.fleet.rows import Rows
from policies import PolicySettings, open_engine
from scripts.source import ROOT

ANN = User(name="ann", tier="free")
BOB = User(name="bob", tier="pro")
ROOT_USER = User(name="root", tier="owner", role="admin")


def spec(name: str, **more: object) -> EnvironmentSpec:
    return EnvironmentSpec.model_validate({"name": name, "image": "debian:12", **more})


@pytest.fixture
def admission(database: Database) -> PolicyAdmission:
    return PolicyAdmission(database, open_engine())


def audit(database: Database, **wanted: object) -> list[AuditLine]:
    return read(database, AuditFilter.model_validate(wanted))


def test_third_create_of_a_free_user_is_refused_with_the_reason(admission: PolicyAdmission, database: Database) -> None:
    first = admission.reserve(ANN, spec("a"), 60)
    admission.reserve(ANN, spec("b"), 60)
    with pytest.raises(LaunchRefused, match="ann has 2 living environments, and 2 is the limit of the tier free") as no:
        admission.reserve(ANN, spec("c"), 60)
    assert len(no.value.reasons) == 1
    assert (first.phase, first.owner, first.host) == ("creating", "ann", "")
    assert [record.name for record in Rows(database).listed("ann", {})] == ["a", "b"]
    admission.reserve(BOB, spec("c"), 60)
    assert [(line.subject, line.allowed) for line in audit(database)] == [
        ("a", True), ("b", True), ("c", False), ("c", True),
    ]  # fmt: skip


def test_more_than_two_cpus_are_refused_for_free_users(admission: PolicyAdmission) -> None:
    with pytest.raises(LaunchRefused, match=r"2\.5 CPUs, and 2 is the limit"):
        admission.reserve(ANN, spec("a", limits=KeptLimits(cpus=2.5)), 60)
    admission.reserve(BOB, spec("a", limits=KeptLimits(cpus=2.5)), 60)


def test_stopped_ones_make_room_and_starting_them_counts(admission: PolicyAdmission, database: Database) -> None:
    rows = Rows(database)
    first = admission.reserve(ANN, spec("a"), 60)
    admission.reserve(ANN, spec("b"), 60)
    stopped = rows.move(first, "stopped", "for the test")
    assert stopped is not None
    admission.reserve(ANN, spec("c"), 60)
    with pytest.raises(LaunchRefused, match="2 living environments"):
        admission.reserve_start(ANN, stopped, 60)
    still = rows.by_id(first.id)
    assert still is not None
    assert still.phase == "stopped"
    rows.move(first, "removed")


def test_limits_are_the_owners_when_an_admin_starts(admission: PolicyAdmission, database: Database) -> None:
    first = admission.reserve(ANN, spec("a"), 60)
    stopped = Rows(database).move(first, "stopped")
    assert stopped is not None
    for name in ("b", "c"):
        admission.reserve(ANN, spec(name), 60)
    with pytest.raises(LaunchRefused, match="ann has 2"):
        admission.reserve_start(ROOT_USER, stopped, 60)


def test_launch_of_a_dead_launcher_takes_no_room(admission: PolicyAdmission) -> None:
    admission.reserve(ANN, spec("a"), -1)
    admission.reserve(ANN, spec("b"), -1)
    assert admission.reserve(ANN, spec("c"), 60).phase == "creating"


def test_name_that_is_taken_is_written_down_and_takes_no_room(admission: PolicyAdmission, database: Database) -> None:
    admission.reserve(ANN, spec("a"), 60)
    with pytest.raises(NameTaken, match="an environment is called 'a' already"):
        admission.reserve(ANN, spec("a"), 60)
    admission.reserve(ANN, spec("b"), 60)
    [line] = audit(database, denied=True)
    assert "called 'a' already" in line.reasons[0]


def test_every_decision_is_written_down(admission: PolicyAdmission, database: Database) -> None:
    record = admission.reserve(ANN, spec("a"), 60)
    admission.decide(ANN, "exec", record, {"argv": ["true"]})
    with pytest.raises(LaunchRefused, match="belongs to ann"):
        admission.decide(BOB, "exec", record)
    with pytest.raises(LaunchRefused, match="2 open tunnels"):
        admission.decide(ANN, "tunnel", record, {"open": 2, "port": 8000})
    admission.decide(ROOT_USER, "stop", record)
    lines = [(line.who, line.operation, line.allowed, line.details) for line in audit(database)]
    assert lines == [
        ("ann", "create", True, {"image": "debian:12"}),
        ("ann", "exec", True, {"argv": ["true"]}),
        ("bob", "exec", False, {}),
        ("ann", "tunnel", False, {"open": 2, "port": 8000}),
        ("root", "stop", True, {}),
    ]
    assert [line.who for line in audit(database, denied=True)] == ["bob", "ann"]
    assert [line.operation for line in audit(database, who="ann", operation="exec")] == ["exec"]
    assert audit(database, since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert [line.operation for line in audit(database, limit=1)] == ["stop"]
    assert forget(database, datetime.now(UTC) + timedelta(hours=1)) == 5


def test_keeping_is_limited_by_tier(admission: PolicyAdmission) -> None:
    record = admission.reserve(ANN, spec("a"), 60)
    now = datetime.now(UTC)
    admission.decide(ANN, "keep", record, {"until": now + timedelta(hours=24)})
    admission.decide(ANN, "keep", record, {"until": None})
    with pytest.raises(LaunchRefused, match="24 is the limit"):
        admission.decide(ANN, "keep", record, {"until": now + timedelta(hours=30)})
    with pytest.raises(LaunchRefused, match="24 is the limit"):
        admission.reserve(ANN, spec("b", keep_until=now + timedelta(days=3)), 60)


def test_dry_run_allows_and_says_so_in_the_audit(database: Database) -> None:
    admission = PolicyAdmission(database, open_engine(PolicySettings(dry_run=True)))
    for name in "abc":
        admission.reserve(ANN, spec(name), 60)
    [line] = audit(database, denied=True)
    assert (line.subject, line.allowed, line.dry_run) == ("c", True, True)
    assert "2 is the limit" in line.reasons[0]


def test_engine_that_is_away_refuses_everything(database: Database) -> None:
    admission = PolicyAdmission(database, open_engine(PolicySettings(opa_url="http://127.0.0.1:1")))
    with pytest.raises(LaunchRefused, match="does not answer"):
        admission.reserve(ROOT_USER, spec("a"), 60)
    assert Rows(database).listed(None, {}) == []


def test_optional_gpu_is_left_out_where_it_is_not_granted(admission: PolicyAdmission) -> None:
    record = admission.reserve(ANN, spec("a", gpu=GpuWish(want="optional")), 60)
    assert record.spec.gpu.want == "none"
    assert "it has no GPU: 1 GPUs besides the 0 in use" in record.spec.notes[0]
    with pytest.raises(LaunchRefused, match="GPU"):
        admission.reserve(ANN, spec("b", gpu=GpuWish(want="required")), 60)
    assert admission.reserve(BOB, spec("b", gpu=GpuWish(want="optional")), 60).spec.gpu.want == "optional"


def test_mounts_are_judged_by_where_they_lead(database: Database, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "code").mkdir(parents=True)
    (home / "way-out").symlink_to("/etc")
    (home / "alias").symlink_to(home / "code")
    admission = PolicyAdmission(database, open_engine(), CallerFolders(home=home))

    def bind(source: object) -> EnvironmentSpec:
        return spec("a", mounts=(Mount(kind="bind", source=str(source), target="/mnt"),))

    for source in (home / "way-out", "/", "/var/run/docker.sock", tmp_path, home / "code/../../x"):
        with pytest.raises(LaunchRefused):
            admission.reserve(ROOT_USER, bind(source), 60)
    record = admission.reserve(ROOT_USER, bind(home / "alias"), 60)
    assert record.spec.mounts[0].source == str(home / "code")
    with pytest.raises(LaunchRefused, match="there is none here"):
        PolicyAdmission(database, open_engine()).reserve(ROOT_USER, bind(home / "code"), 60)


def test_values_of_variables_and_secrets_are_not_told(database: Database, tmp_path: Path) -> None:
    (tmp_path / "more.rego").write_text(
        "package roadcrew.devctl\n\nimport rego.v1\n\ndeny contains json.marshal(input.environment)\n",
        encoding="utf-8",
    )
    admission = PolicyAdmission(database, open_engine(PolicySettings(extra_rules=tmp_path)))
    secret = SecretFile(name="token", source=Path("/homes/ann/hidden-place"))
    with pytest.raises(LaunchRefused) as refused:
        admission.reserve(ANN, spec("a", env={"KEY": "s3cret"}, secrets=(secret,), egress=Egress(mode="allow")), 60)
    assert "KEY" in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert "hidden-place" not in str(refused.value)


def test_weak_image_is_refused(database: Database) -> None:
    scores = {"debian:8": 9.8, "debian:12": 6.9}
    admission = PolicyAdmission(database, open_engine(), score=scores.get)
    with pytest.raises(LaunchRefused, match=r"CVSS 9\.8, above 7"):
        admission.reserve(BOB, spec("a", image="debian:8"), 60)
    admission.reserve(BOB, spec("a"), 60)


def test_images_are_judged_by_base_and_packages(admission: PolicyAdmission, database: Database) -> None:
    admission.decide_image(ANN, "wizard", "ann/web:1", "debian:12", {"apt": ["curl"], "pip": ["requests"]})
    with pytest.raises(LaunchRefused, match="sudo"):
        admission.decide_image(ANN, "wizard", "ann/web:2", "debian:12", {"apt": ["sudo", "docker.io"]})
    [allowed, denied] = audit(database, operation="wizard")
    assert (allowed.subject, allowed.allowed, denied.subject, len(denied.reasons)) == (
        "ann/web:1",
        True,
        "ann/web:2",
        2,
    )


CREATES = """
import sys
from concurrent.futures import ThreadPoolExecutor
from devctl.admission.policy_admission import PolicyAdmission
from devctl.errors import LaunchRefused
from devctl.fleet.database import Database
from devctl.fleet.records import EnvironmentSpec, User
from policies import open_engine

url, process, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
database = Database(url, connections=4)
database.open()
admission = PolicyAdmission(database, open_engine())

def create(number):
    try:
        admission.reserve(User(name="ann", tier="free"), EnvironmentSpec(name=f"e{process}-{number}", image="x"), 60)
    except LaunchRefused as refused:
        assert "2 is the limit" in str(refused), refused
        return 0
    return 1

print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(create, range(count))))
database.close()
"""


def test_a_hundred_creates_at_once_leave_what_the_quota_allows(database: Database, database_url: str) -> None:
    counts = [13, 13, 13, 13, 12, 12, 12, 12]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CREATES, database_url, str(number), str(count)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number, count in enumerate(counts)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    made = [int(process.communicate("go\n", timeout=120)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert sum(made) == 2
    assert len(Rows(database).listed("ann", {})) == 2
    lines = audit(database, limit=1000)
    assert (len(lines), sum(line.allowed for line in lines)) == (100, 2)
