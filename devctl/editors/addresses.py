"""The addresses with which VS Code and Cursor open a folder of an environment."""

import json
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from devctl.fleet.records import EnvironmentRecord
from devctl.records import Record

Editor = Literal["code", "cursor"]
SCHEMES: dict[Editor, str] = {"code": "vscode", "cursor": "cursor"}
USUAL_SOCKET = "unix:///var/run/docker.sock"


class Opening(Record):
    """How to open an environment in an editor."""

    editor: Editor
    folder_uri: str
    """For `--folder-uri` of the editor's program."""
    link: str
    """The same as a link that the desktop opens."""
    needs_ssh: bool
    """Whether the entry of the ssh config must be there."""


def opening(editor: Editor, record: EnvironmentRecord, engine: str | None) -> Opening:
    """The addresses for one environment.

    ``engine`` is the address of the local Docker engine that has it; None goes through ssh, which works on any host.
    """
    if engine is not None and record.container is not None:
        where: dict[str, object] = {"containerName": f"/devctl-{record.id}"}
        if engine != USUAL_SOCKET:
            where["settings"] = {"host": engine}
        authority = f"attached-container+{json.dumps(where, separators=(',', ':')).encode().hex()}"
    else:
        authority = f"ssh-remote+{alias(record.name)}"
    path = quote(record.spec.workdir)
    return Opening(
        editor=editor,
        folder_uri=f"vscode-remote://{authority}{path}",
        link=f"{SCHEMES[editor]}://vscode-remote/{authority}{path}",
        needs_ssh=authority.startswith("ssh-remote"),
    )


def alias(name: str) -> str:
    """What an environment is called on ssh's command line."""
    return f"{name}.devctl"


def find_program(editor: Editor, search_path: str) -> Path | None:
    """The editor's program, None where it is not installed."""
    import shutil

    found = shutil.which(editor, path=search_path)
    return Path(found) if found else None
