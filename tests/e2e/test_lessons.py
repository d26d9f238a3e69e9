"""What a review found once is shown to whoever works on the same files next."""

from pathlib import Path

from tests.e2e.crewmates import Asked, by_round, crewmates, gives, in_turn, signs_off, writes
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.e2e.test_delivery import FINDING
from tests.tools.scripted import Answer

AVERAGE = function("average")


def rejects_once(asked: Asked) -> Answer:
    """A Reviewer that sends the first round of the first feature back, and an unfounded claim with it."""
    if asked.feature != "F-1":
        return signs_off(asked)
    if asked.round == 1:
        return gives({"summary": "no", "earlier": [], "findings": [{**FINDING, "quote": "    return 7"}]})
    known = [word for word in asked.text.split() if word.startswith("R-")][0].strip("`:,()")
    return signs_off(asked, known)


def test_answered_finding_is_shown_to_the_next_coder_of_the_file(office: MakeOffice, repository: Path) -> None:
    doubled = (("average.py", "def value():\n    return 3 + 4\n"),)
    other = function("other")
    again = (("average.py", "def value():\n    return 2 + 5\n"), *other)

    def coder(asked: Asked) -> Answer:
        seat = by_round(writes(*AVERAGE), writes(*doubled)) if asked.feature == "F-1" else writes(*again)
        return seat(asked)

    plan = in_turn(gives(planned(code_task("T1", "average.py"))))
    mates = crewmates(planner=plan, coder=coder, reviewer=rejects_once)
    made = office(mates)
    first = made.file(repository)
    assert first.run().verdict == "merged"
    (lesson,) = made.office.crew.reader.lessons(first.place.repository, ["average.py"])
    assert lesson.text == "The value is wrong: value() gives 8 where 7 is asked for"
    assert (lesson.paths, lesson.times) == (("average.py",), 1)
    assert "The value is wrong" not in mates.of("coder", 1)[0].text
    second = made.file(repository, "Compute averages again\n\nOf other prices.")
    assert second.run().verdict == "merged"
    shown = next(asked for asked in mates.of("coder", 1) if asked.feature != "F-1")
    assert "value() gives 8 where 7 is asked for" in shown.text
