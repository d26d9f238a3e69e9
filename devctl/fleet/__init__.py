"""Kept environments: named, owned by a user, recorded in PostgreSQL, on any of the hosts.

with open_fleet(settings, policy) as fleet:
    fleet.up(user, EnvironmentSpec(name="blog", image="debian:12"), tree=folder)
    print(fleet.exec(user, "blog", ["make", "test"]).output)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devctl.admission.questions import CallerFolders
    from devctl.fleet.fleet import Fleet
    from devctl.fleet.interfaces import Admission, Pool
    from devctl.settings import DevctlSettings
    from policies import PolicyEngine

__all__ = ["open_fleet"]


def open_fleet(
    settings: "DevctlSettings", policy: "PolicyEngine | None", folders: "CallerFolders | None" = None
) -> "Fleet":
    """Open the fleet of these settings: database, hosts, and the admission that asks the policy.

    Without a policy nobody is asked. Below `folders` the callers may mount; None is for callers of other machines.
    Raises StateUnavailable. Hosts are connected when they are first needed.
    """
    from devctl.egress import ProxiedEgress
    from devctl.fleet.activity import RecordedActivity
    from devctl.fleet.admitting import PlainAdmission
    from devctl.fleet.database import open_database
    from devctl.fleet.fleet import Fleet
    from devctl.fleet.launching import Parts
    from devctl.fleet.rows import Rows
    from devctl.hosts.pool import Hosts

    database = open_database(settings)
    asked: Admission = PlainAdmission(database)
    if policy is not None:
        from devctl.admission.policy_admission import PolicyAdmission
        from devctl.scan.records import scores_of

        asked = PolicyAdmission(database, policy, folders, scores_of(database))
    home = Rows(database).installation()
    hosts = Hosts(settings, database, home)
    stock: Pool | None = None
    if settings.pool:
        from devctl.pool.opening import FleetPool, rules_of

        stock = FleetPool(database, hosts, home, rules_of(settings))
    return Fleet(
        Parts(
            database=database,
            admission=asked,
            hosts=hosts,
            pool=stock,
            activity=RecordedActivity(database),
            egress=ProxiedEgress(settings),
        )
    )
