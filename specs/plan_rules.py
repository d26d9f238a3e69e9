"""The rules that a proposed plan must obey, beyond its form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch

from packaging.requirements import InvalidRequirement, Requirement

from specs.errors import Problem
from specs.plan import NewDependency, PlanProposal, PlanTask

MOST_TASKS = 20
LONGEST_TITLE = 120
LONGEST_TEXT = 20_000
LONGEST_COMMAND = 500
PROTECTED = (".github/workflows", ".github/actions", ".gitlab-ci.yml", ".git", ".gitmodules", "CODEOWNERS", ".env")
"""Folders and files that no plan touches; the policies, which know more of them, decide in the end."""
PROTECTED_NAMES = ("*.pem", "id_rsa*", ".env", ".netrc", ".npmrc", ".pypirc", "CODEOWNERS")
ROLE_KINDS = {"coder": {"code", "chore", "test"}, "docgen": {"docs"}, "tester": {"test"}}

_OTHER_REGISTRY = re.compile(r"(npm|go|cargo|maven):((?:@[\w.-]+/)?[\w./:~-]+)(?:@[\w.*+^~<>=|, ()\[\]-]+)?", re.ASCII)
"""A package of another registry than Python's, as the rules know it: `npm:vite@^5`, `maven:group:artifact@1.0`."""


def validate_plan(proposal: PlanProposal) -> list[Problem]:
    """Return what is wrong with a proposal; an empty list when nothing is, or when it says why it cannot be done."""
    if proposal.cannot_do and proposal.cannot_do.strip():
        return []
    problems = _head_problems(proposal)
    refs = [task.ref for task in proposal.tasks]
    for number, task in enumerate(proposal.tasks):
        problems += _task_problems(f"tasks[{number}]", task, refs)
    cycle = find_cycle({task.ref: list(task.depends_on) for task in proposal.tasks})
    if cycle:
        problems.append(Problem("tasks", f"the dependencies go round: {' -> '.join(cycle)}", "remove one of them"))
    return problems


def find_cycle(depends_on: Mapping[str, Sequence[str]]) -> list[str]:
    """Return one cycle of a dependency graph, its first node again at its end, or an empty list."""
    done: set[str] = set()
    for start in depends_on:
        path: dict[str, None] = {}
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            node, following = stack.pop()
            if following == 0:
                if node in path:
                    nodes = list(path)
                    return [*nodes[nodes.index(node) :], node]
                if node in done:
                    continue
                path[node] = None
            targets = depends_on.get(node, ())
            if following < len(targets):
                stack += [(node, following + 1), (targets[following], 0)]
            else:
                done.add(node)
                del path[node]
    return []


def _head_problems(proposal: PlanProposal) -> list[Problem]:
    problems: list[Problem] = []
    if not proposal.tasks:
        problems.append(Problem("tasks", "the plan has no tasks", "plan at least one, or say in cannot_do why not"))
    if len(proposal.tasks) > MOST_TASKS:
        problems.append(
            Problem("tasks", f"{len(proposal.tasks)} tasks are too many", f"at most {MOST_TASKS}; join some")
        )
    if not proposal.summary.strip():
        problems.append(Problem("summary", "is empty", "say in two to four sentences what will be different"))
    problems += _title_problems("title", proposal.title)
    for number, story in enumerate(proposal.user_stories):
        problems += _title_problems(f"user_stories[{number}].title", story.title)
    problems += _path_problems("docs_to_update", proposal.docs_to_update)
    if proposal.test_command is not None:
        problems += _command_problems("test_command", [proposal.test_command])
    for number, new in enumerate(proposal.new_dependencies):
        problems += _dependency_problems(f"new_dependencies[{number}]", new, proposal.tasks)
    return problems


def _dependency_problems(path: str, new: NewDependency, tasks: Sequence[PlanTask]) -> list[Problem]:
    if found := _OTHER_REGISTRY.fullmatch(new.requirement):
        short = found[2].rpartition(":")[2]
        names = {_normal(found[2]), _normal(f"{found[1]}:{found[2]}"), _normal(short)}
    else:
        try:
            requirement = Requirement(new.requirement)
        except InvalidRequirement:
            advice = "write 'tomlkit>=0.13', or 'npm:vite@^5', 'go:…', 'cargo:…', 'maven:group:artifact@…'"
            return [Problem(f"{path}.requirement", f"{new.requirement[:80]!r} is no requirement", advice)]
        if requirement.url or not new.requirement.isprintable():
            return [Problem(f"{path}.requirement", f"{new.requirement[:80]!r} names a place", "name and versions only")]
        names = {_normal(requirement.name)}
    if _normal(new.name) not in names:
        return [Problem(f"{path}.name", f"{new.name[:80]!r} is not the name in {new.requirement!r}", "let them agree")]
    name = _normal(short if found else new.name)
    texts = [
        _normal(f"{task.title} {task.description} {' '.join(task.done_when)} {' '.join(task.tags)}") for task in tasks
    ]
    if not any(re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", text) for text in texts):
        return [Problem(path, f"no task mentions {new.name!r}", "give one task the job of adding it, or leave it out")]
    return []


def _normal(name: str) -> str:
    """Return a package name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _task_problems(path: str, task: PlanTask, refs: list[str]) -> list[Problem]:
    problems: list[Problem] = []
    if not re.fullmatch(r"T[0-9]{1,3}", task.ref) or refs.count(task.ref) > 1:
        problems.append(
            Problem(f"{path}.ref", f"{task.ref[:40]!r} is not a reference of its own", "use T1, T2, … once each")
        )
    problems += _title_problems(f"{path}.title", task.title)
    if task.kind not in ROLE_KINDS[task.assignee]:
        allowed = " or ".join(sorted(ROLE_KINDS[task.assignee]))
        problems.append(
            Problem(f"{path}.kind", f"{task.assignee} does no {task.kind} tasks", f"its kinds are {allowed}")
        )
    if not any(point.strip() for point in task.done_when):
        problems.append(Problem(f"{path}.done_when", "is empty", "say what can be checked when the task is done"))
    if len(task.description) > LONGEST_TEXT:
        problems.append(Problem(f"{path}.description", f"has {len(task.description)} characters", "split the task"))
    for other in task.depends_on:
        if other not in refs or other == task.ref:
            hint = f"there are {', '.join(refs[:MOST_TASKS])}"
            problems.append(Problem(f"{path}.depends_on", f"{other[:40]!r} is no other task of the plan", hint))
    problems += _path_problems(f"{path}.touches", task.touches)
    problems += _path_problems(f"{path}.tests_may_change", task.tests_may_change)
    problems += _command_problems(f"{path}.tests", task.tests)
    return problems


def _title_problems(path: str, title: str) -> list[Problem]:
    if title.strip() and len(title) <= LONGEST_TITLE and title.isprintable():
        return []
    return [Problem(path, f"{title[:60]!r} is no title", f"give one line of at most {LONGEST_TITLE} characters")]


def _path_problems(path: str, named: Iterable[str]) -> list[Problem]:
    problems: list[Problem] = []
    for name in named:
        if _leads_out(name):
            problems.append(Problem(path, f"{name[:80]!r} leads out of the repository", "give a relative path"))
        elif _is_protected(name):
            problems.append(Problem(path, f"{name[:80]!r} is protected", "plan without touching it"))
    return problems


def _leads_out(name: str) -> bool:
    odd = not name.strip() or not name.isprintable() or "\\" in name
    return odd or name.startswith(("/", "~")) or ".." in name.split("/")


def _is_protected(name: str) -> bool:
    plain = "/".join(part for part in name.lower().split("/") if part not in ("", "."))
    folders = any(plain == entry.lower() or plain.startswith(f"{entry.lower()}/") for entry in PROTECTED)
    return folders or any(fnmatch(plain.rpartition("/")[2], pattern.lower()) for pattern in PROTECTED_NAMES)


def _command_problems(path: str, commands: Iterable[str]) -> list[Problem]:
    """Judge commands by their form alone: what they do, the sandbox without network contains."""
    return [
        Problem(path, f"{command[:60]!r} is no command", f"give one line of at most {LONGEST_COMMAND} characters")
        for command in commands
        if not command.strip() or not command.isprintable() or len(command) > LONGEST_COMMAND
    ]
