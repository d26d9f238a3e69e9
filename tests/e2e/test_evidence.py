"""What a delivery leaves in the roadmap alone: its turns with what they used, findings, words, the whole story."""

import json
from pathlib import Path

from tests.e2e.crewmates import Asked, by_round, crewmates, gives, in_turn, signs_off, writes
from tests.e2e.offices import MakeOffice
from tests.e2e.plans import code_task, function, planned
from tests.tools.scripted import Answer
from tools.artifacts import ArtifactRef

AVERAGE = function("average")
CLAIM = {
    "path": "average.py",
    "quote": "    return 7",
    "severity": "high",
    "title": "The value is bare",
    "failure": "nobody sees where the 7 comes from",
    "suggestion": "say it",
}


def test_the_roadmap_alone_tells_a_delivery_and_its_cost(office: MakeOffice, repository: Path) -> None:
    def review(asked: Asked) -> Answer:
        if asked.round == 1:
            delivery.office.engine.tell(delivery.thread, "word", "w1", {"by": "ada", "text": "mind the units"})
            return gives({"summary": "not yet", "earlier": [], "findings": [CLAIM]})
        known = [word for word in asked.text.split() if word.startswith("R-")][0].strip("`:,()")
        return signs_off(asked, known)

    summed = (("average.py", "def value():\n    return 3 + 4\n"),)
    mates = crewmates(
        planner=in_turn(gives(planned(code_task()))),
        coder=by_round(writes(*AVERAGE), writes(*summed)),
        reviewer=review,
    )
    delivery = office(mates).file(repository)
    standing = delivery.run()
    assert standing.verdict == "merged"
    story = delivery.office.crew.reader.story(delivery.thread)
    assert story is not None
    first, second = story.tasks[0].rounds
    assert [finding.title for finding in first.findings] == [CLAIM["title"]]
    assert second.reviews[0].resolved == (first.findings[0].key,)
    assert {"work.bundle", "review.sarif"} <= {artifact.name for artifact in second.artifacts}
    assert len(second.commits) == 1
    told = {(one.kind, one.stage, one.round) for one in (*story.artifacts, *first.artifacts, *second.artifacts)}
    assert told >= {("junit", "baseline", None), ("junit", "round", 1), ("junit", "round", 2), ("junit", "merged", 2)}
    assert told >= {(kind, "round", 2) for kind in ("tests", "sarif", "review", "diff", "bundle")}
    assert told >= {("plan", "plan", None), ("specification", "plan", None), ("research", "research", None)}
    assert told >= {("cost", "end", None)}
    store, merged = delivery.office.crew.artifacts, second.commits[0].sha
    for one in (*story.artifacts, *second.artifacts):
        assert store.get(ArtifactRef(url=one.url, sha256=one.sha256, size=one.size))
    assert [one.commit for one in second.artifacts if one.stage == "merged"] == [merged]
    asked = "MATCH (f:Feature {id: $id})-[:PRODUCED]->(a:Artifact {kind: 'cost'}) RETURN a.url"
    ((place,),) = delivery.office.crew.reader.query(asked, {"id": story.feature.id}).rows
    spoken = json.loads(store.read(str(place).removeprefix(f"{store.url}/")))
    assert spoken["total"]["calls"] == standing.calls
    assert [turn.role for turn in story.turns if turn.round == 2] == ["coder", "tester", "reviewer", "integrator"]
    assert {"tester", "planner", "researcher"} <= {turn.role for turn in story.turns if turn.subject == delivery.thread}
    assert sum(use.calls for turn in story.turns for use in turn.uses) == standing.calls
    tokens = sum(use.prompt_tokens + use.completion_tokens for turn in story.turns for use in turn.uses)
    assert tokens == standing.tokens
    assert [(event.who, event.why) for event in story.events if event.what == "said word"] == [
        ("ada", "mind the units")
    ]
    (spent,) = delivery.office.crew.reader.spending(story.feature.repository)
    assert (spent.calls, spent.prompt_tokens + spent.completion_tokens) == (standing.calls, standing.tokens)
