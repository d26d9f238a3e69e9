"""Documentation in deliveries: what a feature needs is asked for, checked, and said in the pull request."""

import uuid
from pathlib import Path

import pytest

from tests.e2e.conftest import new_repository
from tests.e2e.crewmates import Asked, by_round, crewmates, gives, in_turn, uses, writes
from tests.e2e.offices import Delivery, MakeOffice
from tests.e2e.plans import FIXTURE, code_task, function, planned
from tests.tools.scripted import Answer

AVERAGE = function("average")
DOCS = code_task("T2", "README.md", kind="docs", assignee="docgen", depends_on=["T1"], done_when=["README.md says it"])
SUBMIT = uses("submit", summary="wrote the documentation")
GOOD = "# Prices\n\n```python\nimport average\nprint(average.value())\n```\n\n```output\n7\n```\n"
WRONG = GOOD.replace("7\n", "8\n") + "\n[more](more.md)\n"


@pytest.fixture
def documented(tmp_path: Path) -> Path:
    """A small repository with a README, a changelog and docstrings."""
    code = "".join(f'def {name}():\n    """Say {name}."""\n\n\n' for name in ("one", "two", "three"))
    files = {"README.md": "# Prices\n", "CHANGELOG.md": "# Changelog\n\n## 0.1\n\n- First.\n", "words.py": code}
    return new_repository(tmp_path / f"documented-{uuid.uuid4().hex[:8]}", {**FIXTURE, **files})


def pull_request(delivery: Delivery) -> str:
    (pull,) = delivery.office.crew.reader.pull_requests(delivery.thread)
    return delivery.host.pull_request(pull.number).body


def test_a_feature_that_changes_nothing_public_asks_nobody(office: MakeOffice, repository: Path) -> None:
    docs = {**DOCS, "touches": [], "done_when": ["nothing is outdated"]}
    inner = (("tests/test_more.py", AVERAGE[0][1]), ("_average.py", AVERAGE[1][1]))
    inner = ((inner[0][0], inner[0][1].replace("average", "_average")), inner[1])
    mates = crewmates(planner=in_turn(gives(planned(code_task("T1", "_average.py"), docs))), coder=writes(*inner))
    delivery = office(mates).file(repository)
    assert delivery.run().verdict == "merged"
    assert mates.of("docgen") == []
    assert [str(task.status) for task in delivery.tasks()] == ["done", "done"]
    assert "Documentation: none was needed; nothing public changed" in pull_request(delivery)


def test_wrong_documents_go_back_with_what_was_found(office: MakeOffice, repository: Path) -> None:
    hasty = in_turn(uses("create", path="README.md", content=WRONG), SUBMIT, SUBMIT)
    careful = in_turn(uses("create", path="README.md", content=GOOD), SUBMIT, SUBMIT)
    plan = in_turn(gives(planned(code_task(), DOCS, docs_to_update=["README.md"])))
    mates = crewmates(planner=plan, coder=writes(*AVERAGE), docgen=by_round(hasty, careful))
    delivery = office(mates).file(repository)
    assert delivery.run().verdict == "merged"
    shown = mates.of("docgen", 1)[-1].last
    again = mates.of("docgen", 2)[0].text
    for text in (shown, again):
        assert "README.md:3: snippet: the snippet prints '7', the document says '8'" in text
        assert "README.md:12: link: the link more.md leads to more.md, which is not there" in text
    assert "Documentation: `README.md`." in pull_request(delivery)
    assert "Checked: docs: 1 need met, 0 links, 1 snippet." in pull_request(delivery)
    kept = delivery.office.workspace.path / "artifacts" / "features" / delivery.thread / "documentation"
    assert len(list(kept.iterdir())) == 2
    """Doc-Gen was shown each of the two texts, the Tester judged each: four checks, two runs."""


def test_documentation_that_nobody_planned_becomes_one_more_task(office: MakeOffice, documented: Path) -> None:
    def document(asked: Asked) -> Answer:
        module = AVERAGE[1][1].replace("():\n", '():\n    """Seven."""\n')
        steps = in_turn(
            uses("edit", path="average.py", old=AVERAGE[1][1], new=module),
            uses("edit", path="CHANGELOG.md", old="## 0.1\n", new="## 0.2\n\n- `average.value`.\n\n## 0.1\n"),
            SUBMIT,
            SUBMIT,
        )
        return steps(asked)

    mates = crewmates(planner=in_turn(gives(planned(code_task()))), coder=writes(*AVERAGE), docgen=document)
    delivery = office(mates).file(documented)
    assert delivery.run().verdict == "merged"
    code, docs = delivery.tasks()
    assert (docs.title, docs.kind, str(docs.status)) == ("Document what the feature changed", "docs", "done")
    assert "docstring `average.value` is not documented" in "\n".join(docs.done_when)
    asked = mates.of("docgen")[0].text
    assert "changelog `CHANGELOG.md`" in asked
    assert "Public Python names carry docstrings." in asked
    assert "Not documented" not in pull_request(delivery)


def test_docgen_may_not_change_code(office: MakeOffice, documented: Path) -> None:
    meddles = in_turn(uses("bash", command="echo 'x = 1' >> words.py"), SUBMIT, uses("bash", command="false"))
    plan = in_turn(gives(planned(code_task(), DOCS, docs_to_update=["README.md"])))
    mates = crewmates(planner=plan, coder=writes(*AVERAGE), docgen=meddles)
    delivery = office(mates, steps=4, rounds=1).file(documented)
    assert delivery.run().status == "waiting"
    assert any("docgen changes documentation and docstrings only" in one.text for one in mates.of("docgen"))
