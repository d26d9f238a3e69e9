"""Write specs/task.schema.json from the task spec's model, or check that it is in step (--check)."""

import json
import sys

from scripts.source import ROOT
from specs import task_schema

TARGET = ROOT / "specs" / "task.schema.json"


def schema_text() -> str:
    """Return the JSON Schema of a task spec as it lies in the repository."""
    return json.dumps(task_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the schema, or with --check only compare; 1 when they differ."""
    present = TARGET.read_text(encoding="utf-8") if TARGET.is_file() else ""
    if present == schema_text():
        return 0
    if "--check" in arguments:
        print("specs/task.schema.json is out of step: run .venv/bin/python -m scripts.task_schema")
        return 1
    TARGET.write_text(schema_text(), encoding="utf-8")
    print("wrote specs/task.schema.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
