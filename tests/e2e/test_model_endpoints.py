"""Deliveries with models that can do less: a small context, no tools, no schemas."""

import json
from pathlib import Path

from tests.e2e.conftest import commit_all
from tests.e2e.crewmates import Asked, Seat, crewmates, gives, in_turn, signs_off, uses, writes
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.tools.scripted import Answer, fails, says
from tools.chat import ToolCall
from tools.model_text import call_text

PLAN = gives(planned(code_task()))
ROOM = 30_000
"""Characters that the small model takes."""


def test_a_coder_whose_context_is_full_goes_on_with_a_summary(office: MakeOffice, repository: Path) -> None:
    looks = [uses("bash", command=f"seq {number}000 {number}999") for number in range(1, 10)]
    written = [uses("create", path=path, content=text) for path, text in function("average")]
    submit = uses("submit", summary="wrote what was asked for")
    script = [*written, *looks, uses("bash", command="python -m unittest discover -s tests"), submit, submit]
    refused: list[int] = []
    summaries: list[str] = []

    def coder(asked: Asked) -> Answer:
        if "has become too long" in asked.text:
            summaries.append(asked.text)
            return says("The numbers are fine.")
        if len(asked.text) > ROOM:
            refused.append(len(asked.text))
            return fails(400, "the request exceeds the available context size, try increasing it")
        return script.pop(0)

    mates = crewmates(planner=in_turn(PLAN), coder=coder)
    delivery = office(mates).file(repository)
    delivery.begin()
    assert delivery.go_on().verdict == "merged"
    assert refused
    assert summaries
    assert not script
    after = mates.of("coder")[-1].text
    assert len(after) <= ROOM
    assert "The numbers are fine." in after
    for path, _ in function("average"):
        assert f"`{path}`" in after, "the files changed so far are told though the summary left them out"


def test_a_model_without_tools_and_schemas_delivers(office: MakeOffice, repository: Path) -> None:
    submit = ("submit", {"summary": "wrote what was asked for"})
    script = [
        *(("create", {"path": path, "content": text}) for path, text in function("average")),
        ("bash", {"command": "python -m unittest discover -s tests"}),
        submit,
        submit,
    ]

    def plain(asked: Asked, answer: Answer) -> Answer:
        if "tools" in asked.body:
            return fails(400, "this model does not support tools")
        if "response_format" in asked.body:
            return fails(400, "response_format is not supported")
        return answer

    def coder(asked: Asked) -> Answer:
        if "tools" in asked.body:
            return plain(asked, says(None))
        name, arguments = script.pop(0)
        return says(f"I go on.\n\n{call_text(ToolCall(id='', name=name, arguments=json.dumps(arguments)))}")

    report = {"report": "## Findings\n- none: the repository is small\n\n## Pitfalls\nNone found.\n"}
    mates = crewmates(
        planner=lambda asked: plain(asked, PLAN),
        coder=coder,
        reviewer=lambda asked: plain(asked, signs_off(asked)),
        researcher=lambda asked: plain(
            asked, says(call_text(ToolCall(id="", name="submit", arguments=json.dumps(report))))
        ),
    )
    delivery = office(mates).file(repository)
    delivery.begin()
    assert delivery.go_on().verdict == "merged"
    assert not script
    assert '<tool_result name="bash">' in mates.of("coder")[-1].text
    assert all(message["role"] != "tool" for message in mates.of("coder")[-1].body["messages"])


def test_planner_and_reviewer_ask_with_less_where_the_whole_is_too_long(office: MakeOffice, repository: Path) -> None:
    (repository / "long.py").write_text("# a line of a long file\n" * 400)
    (repository / "AGENTS.md").write_text("Wish for tabs. " * 400)
    commit_all(repository)

    def small(answer: Answer | None) -> Seat:
        def seat(asked: Asked) -> Answer:
            around = "a line of a long file" if answer else "Wish for tabs"
            if asked.text.count(around) > 100:
                return fails(400, "the request exceeds the available context size, try increasing it")
            return answer or signs_off(asked)

        return seat

    mates = crewmates(planner=small(PLAN), reviewer=small(None), coder=writes(*function("average")))
    delivery = office(mates).file(repository)
    delivery.begin()
    assert delivery.go_on().verdict == "merged"
    whole, shorter = mates.of("planner")
    assert "a line of a long file" in shorter.text
    assert len(shorter.text) < len(whole.text)
    review = mates.of("reviewer")[-1]
    assert "Wish for tabs" not in review.text
    assert "average.py" in review.text, "the change itself is shown whole"
    steps = delivery.office.crew.database.rows(
        "SELECT j.reply::text AS said FROM journal j JOIN turn t ON t.id = j.turn WHERE j.name = 'leave out'"
        " AND (t.thread = %s OR t.thread LIKE %s)",
        delivery.thread,
        f"{delivery.place.repository}/T-%",
    )
    said = " ".join(str(row["said"]) for row in steps)
    assert "what follows the first 1500 characters of each file" in said
    assert "all but the change itself" in said
