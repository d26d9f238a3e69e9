"""The tools that act on a work tree: bash, view, edit, create."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tools import editing
from tools.dispatch import Tool
from tools.errors import ToolError
from tools.observation import Observation, cut_middle
from tools.patience import Patience
from tools.worktree import WorkTree


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BashArguments(_Arguments):
    """Run a command line in bash, in the root of the work tree, without network.

    Each call is a fresh process: `cd` and variables do not carry over, files do. Background processes end
    with it.
    """

    command: str = Field(description="the command line", min_length=1, max_length=100_000)
    seconds: float | None = Field(default=None, gt=0, description="time limit, where it should be shorter")


class ViewArguments(_Arguments):
    """Show a text file with line numbers, or the names in a folder."""

    path: str = Field(description="path relative to the root of the work tree")
    start: int = Field(default=1, description="first line, from 1")
    end: int | None = Field(default=None, description="last line; as many as fit when left out")


class EditArguments(_Arguments):
    """Replace one passage of a text file; it must be there exactly once, white space included."""

    path: str = Field(description="path relative to the root of the work tree")
    old: str = Field(description="the passage as it stands in the file, without line numbers")
    new: str = Field(description="what to put in its place")


class CreateArguments(_Arguments):
    """Write a whole text file, new or over what is there; missing folders are made."""

    path: str = Field(description="path relative to the root of the work tree")
    content: str = Field(description="the whole content")


def worktree_tools(worktree: WorkTree, patience: Patience | None = None) -> Sequence[Tool[Any]]:
    """The tools of a role that works in this work tree."""
    limits = patience or Patience()

    def path_of(read: ViewArguments | EditArguments | CreateArguments) -> tuple[str, ...]:
        return (editing.clean_path(read.path, worktree.workdir),)

    return (
        Tool("bash", BashArguments, lambda read: bash(worktree, read.command, read.seconds, limits)),
        Tool(
            "view",
            ViewArguments,
            lambda read: editing.view(worktree, read.path, read.start, read.end),
            path_of,
        ),
        Tool("edit", EditArguments, lambda read: editing.edit(worktree, read.path, read.old, read.new), path_of),
        Tool("create", CreateArguments, lambda read: editing.create(worktree, read.path, read.content), path_of),
    )


def bash(worktree: WorkTree, command: str, seconds: float | None, patience: Patience) -> Observation:
    """Run a command line; a failing command is no error here. Raises ToolError for one that cannot be run."""
    if not command.strip():
        raise ToolError("the command is empty", "give a command line")
    limit = patience.limit(command)
    allowed = min(seconds or limit, limit)
    result = worktree.exec(command, seconds=allowed)
    text = cut_middle(result.output)
    if not result.timed_out:
        patience.ended(command)
    if result.timed_out:
        note = f"[stopped after {allowed:g} seconds: run less at once; servers cannot be left running]"
        return Observation(verdict="timed out", text=text, note=note, data={"exit_code": result.exit_code})
    return Observation(verdict=f"exit {result.exit_code}", text=text, data={"exit_code": result.exit_code})
