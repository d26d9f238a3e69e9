"""`roadcrew init`: roadcrew.toml, the team's manners in a repository."""

from pathlib import Path

import click

from roadcrew.command import json_option
from roadcrew.errors import Conflict
from roadcrew.output import print_data, print_line
from roadcrew.settings import FILE_NAME

TEMPLATE = """\
# How the team works on this repository. Addresses and secrets never stand here: they come from the
# environment (OPENAI_BASE_URL, OPENAI_API_KEY, GITHUB_TOKEN and others; see docs/using.md).

# model = "the-model-to-ask"          # ROADCREW_MODEL wins; or a table [model] with name, traits and more
                                      # (docs/using.md, "Models"; `roadcrew model check` says what to set)

[team]
# label = "roadcrew"                  # the label that hands an issue to the team
# approve_plan = false                # true: a person approves the plan before work starts
# research = true                     # false: the Researcher asks no outside source
# rounds = 3                          # rounds of work, test and review before a person is asked
# merge = "auto"                      # "never": a person merges
# merge_method = "merge"              # or "squash", "rebase"
# steps = 60                          # model calls of one turn
# turn_seconds = 1800                 # wall-clock seconds of one turn
# command_seconds = 120               # seconds of one command of a role
# build_seconds = 600                 # seconds of the first build or install of its kind in an environment
# suite_seconds = 900                 # seconds of one run of a test suite
# task_tokens = 2000000               # tokens of one task
# feature_tokens = 10000000           # tokens of one feature
# feature_cost_usd = 20               # money for one feature; no cap when absent

# [tests]                             # how the tests are run; without it they are found by the files
# command = "python -m pytest"        # the suite
# commands = ["cd web && npm test"]   # further suites, counted with it
# setup = "make generate"             # runs first, in the environment without network

# [team.models]                       # a model for some roles alone
# reviewer = "another-model"

# [policy]                            # further rules; they can only forbid more than the built-in ones
# protected_paths = ["db/**"]         # names (*.pem), paths (src/*.sql) or folders (db/**) that no role may change
# denied_packages = ["left-pad"]      # packages that no role may bring in
# allowed_packages = ["requests"]     # the only ones that it may
# max_file_bytes = 1000000            # bytes of a changed file

# [docs]
# openapi = "python -m app.openapi"   # prints the OpenAPI document that a committed openapi.json is held against
"""


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Write roadcrew.toml into FOLDER (here); every key stands in it, commented out, with its default."""
    target = folder.absolute() / FILE_NAME
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise Conflict(f"{target} is already there", "edit it, or move it away") from None
    if as_json:
        print_data("init", {"file": target})
        return
    print_line(f"wrote {target}: edit what differs, and commit it")
