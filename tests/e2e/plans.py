"""Plans and files for deliveries in the tests: small functions, each with its test."""

from typing import Any


def planned(*tasks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a plan as the model gives it."""
    values: dict[str, Any] = {
        "cannot_do": None,
        "title": "Averages",
        "rationale": "People ask for averages.",
        "summary": "The average of prices can be computed.",
        "target_release": None,
        "assumptions": [],
        "user_stories": [],
        "edge_cases": [],
        "requirements": ["An average is computed."],
        "success_criteria": ["The suite is green."],
        "technical_context": "Python",
        "test_command": None,
        "new_dependencies": [],
        "docs_to_update": [],
        "tasks": list(tasks),
    }
    return {**values, **changes}


def code_task(ref: str = "T1", *touches: str, **changes: Any) -> dict[str, Any]:
    """Return one code task."""
    values: dict[str, Any] = {
        "ref": ref,
        "title": f"Compute {' '.join(touches) or 'average'}",
        "kind": "code",
        "assignee": "coder",
        "priority": "normal",
        "description": "Write the function and its test.",
        "done_when": ["the function is there and tested"],
        "depends_on": [],
        "touches": list(touches) or ["average.py"],
        "tests": [],
        "tests_may_change": [],
        "tags": [],
    }
    return {**values, **changes}


def function(name: str, result: str = "7") -> tuple[tuple[str, str], tuple[str, str]]:
    """Return a module with one function, and its test, as paths with texts."""
    test = (
        "import unittest\n\nimport {name}\n\n\nclass {title}Test(unittest.TestCase):\n"
        "    def test_value(self):\n        self.assertEqual({name}.value(), 7)\n"
    )
    return (
        (f"tests/test_{name}.py", test.format(name=name, title=name.title())),
        (f"{name}.py", f"def value():\n    return {result}\n"),
    )


FIXTURE = {
    "prices.py": "PRICES = [1, 2, 3]\n\n\ndef total():\n    return sum(PRICES)\n",
    "tests/__init__.py": "",
    "tests/test_prices.py": (
        "import unittest\n\nimport prices\n\n\nclass PricesTest(unittest.TestCase):\n"
        "    def test_total(self):\n        self.assertEqual(prices.total(), 6)\n"
    ),
}
"""The repository that the deliveries start from."""
