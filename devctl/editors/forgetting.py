"""What goes with an environment that is removed: its keys, and its entry in devctl's own file of the ssh config."""

from pathlib import Path

from devctl.editors.addresses import alias
from devctl.editors.ssh_config import write_entry
from devctl.editors.ssh_keys import forget_keys
from devctl.fleet.records import EnvironmentRecord
from devctl.settings import DevctlSettings


def forget_ssh(settings: DevctlSettings, ssh_folder: Path, record: EnvironmentRecord) -> None:
    """Remove both; the person's own config is left as it is."""
    forget_keys(settings, record.id)
    write_entry(ssh_folder, alias(record.name), None)
