"""The conversation that every agent is led through: looking, then changing a file, in turn."""

from __future__ import annotations

from typing import Any

FILES = {
    "prices.py": "PRICES = [1, 2, 3]\n\n\ndef total():\n    return sum(PRICES)\n",
    "tests/__init__.py": "",
    "tests/test_prices.py": (
        "import unittest\n\nimport prices\n\n\nclass PricesTest(unittest.TestCase):\n"
        "    def test_total(self):\n        self.assertEqual(prices.total(), 6)\n"
    ),
    "notes.txt": "".join(f"line {number} of the notes\n" for number in range(200)),
}
"""The repository that they work in."""
ISSUE = "Write notes\n\nAppend lines to notes.txt."


def command(number: int) -> str:
    """Return the command of a step: every second one changes a file."""
    if number % 2:
        return f"echo 'line {number} of the work' >> notes.txt && tail -n 1 notes.txt"
    return f"sed -n '{number + 1},{number + 20}p' notes.txt"


def ending(role: str) -> tuple[str, dict[str, str]]:
    """Return the call that ends the conversation."""
    if role == "peer":
        return "bash", {"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}
    return "submit", {"summary": "Appended the lines that were asked for."}


def plan() -> dict[str, Any]:
    """Return a plan of one task that needs no proof by tests."""
    task = {
        "ref": "T1",
        "title": "Append lines to the notes",
        "kind": "chore",
        "assignee": "coder",
        "priority": "normal",
        "description": "Append lines to notes.txt.",
        "done_when": ["the lines are there"],
        "depends_on": [],
        "touches": ["notes.txt"],
        "tests": [],
        "tests_may_change": [],
        "tags": [],
    }
    return {
        "cannot_do": None,
        "title": "Notes",
        "rationale": "People ask for notes.",
        "summary": "The notes have more lines.",
        "target_release": None,
        "assumptions": [],
        "user_stories": [],
        "edge_cases": [],
        "requirements": ["Lines are appended."],
        "success_criteria": ["The suite is green."],
        "technical_context": "Text",
        "test_command": None,
        "new_dependencies": [],
        "docs_to_update": [],
        "tasks": [task],
    }
