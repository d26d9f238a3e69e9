"""The Integrator's record of the files that a delivery leaves: each in the roadmap as what it is, and when it was made."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from pydantic import JsonValue

from agents.crew import ThreadContext
from agents.specification import OURS
from graph import Artifact, ArtifactKind, Change, Stage, cost_report
from tools.artifacts import ArtifactRef

Result = dict[str, JsonValue]


class Mark(NamedTuple):
    """What a file is, and at which point of a delivery it was made."""

    kind: ArtifactKind
    stage: Stage
    round: int | None = None
    commit: str = ""


def artifact_of(node: str, ref: ArtifactRef, mark: Mark) -> Artifact:
    """Return a file of the artifact store as the roadmap has it; ``node`` is its id there."""
    name = ref.url.rpartition("/")[2]
    return Artifact(id=node, name=name, url=ref.url, sha256=ref.sha256, size=ref.size, **mark._asdict())


def stored_at(context: ThreadContext, path: str) -> ArtifactRef | None:
    """Return the reference of a file that a turn left at a path of the store, if it did."""
    store = context.crew.artifacts
    if not store.exists(path):
        return None
    content = store.read(path)
    return ArtifactRef(url=f"{store.url}/{path}", sha256=hashlib.sha256(content).hexdigest(), size=len(content))


class FeatureFiles:
    """Writes what the work on a whole feature left; each node has a natural id, so that writing twice is once."""

    def __init__(self, context: ThreadContext) -> None:
        self._context = context
        self._crew = context.crew

    def planned(self, baseline: Result, plan: Result) -> None:
        """Record what the suite said before the work, and the plan; the feature must be in the roadmap."""
        self._keep(baseline.get("junit"), Mark(ArtifactKind.JUNIT, "baseline", commit=str(baseline["base"])))
        self._keep(plan.get("plan"), Mark(ArtifactKind.PLAN, "plan", commit=str(baseline["base"])))

    def researched(self, research: Result) -> None:
        """Record the report of the research."""
        self._keep(research.get("research"), Mark(ArtifactKind.RESEARCH, "research"))

    def specified(self) -> None:
        """Record the specification as it stands on the feature branch, with the commit that holds it."""
        mirror = self._context.desk.mirror
        mirror.fetch()
        head = mirror.require(self._context.branch)
        ours = re.compile(OURS.format(issue=self._context.state.issue))
        paths = [entry.path for entry in mirror.files(head) if ours.fullmatch(entry.path)]
        text = next((mirror.read(head, path) for path in paths if path.endswith("/spec.md")), None)
        if text is not None:
            ref = self._crew.artifacts.put(f"features/{self._context.feature}/spec.md", text)
            self._record(ref, Mark(ArtifactKind.SPECIFICATION, "plan", commit=head))

    def requested(self, task: str, ref: ArtifactRef) -> None:
        """Record what a review of the pull request asked for, which a task of this id answers."""
        node = f"{task}/{ref.url.rpartition('/')[2]}"
        artifact = artifact_of(node, ref, Mark(ArtifactKind.REQUEST, "review"))
        self._crew.roadmap.record_feature_artifact(self._context.feature, artifact, self._change(artifact))

    def spent(self) -> None:
        """Write what the feature cost, as the roadmap has it now, and record that."""
        feature = self._crew.reader.feature(self._context.feature)
        if feature is None:
            return
        report = cost_report(feature, self._crew.reader.turns(feature.id))
        ref = self._crew.artifacts.put(f"features/{feature.id}/cost.json", report.model_dump_json(indent=1).encode())
        self._record(ref, Mark(ArtifactKind.COST, "end"))

    def _keep(self, ref: JsonValue, mark: Mark) -> None:
        if isinstance(ref, dict):
            self._record(ArtifactRef.model_validate(ref), mark)

    def _record(self, ref: ArtifactRef, mark: Mark) -> None:
        node = f"{self._context.feature}/{mark.stage}/{ref.url.rpartition('/')[2]}"
        artifact = artifact_of(node, ref, mark)
        self._crew.roadmap.record_feature_artifact(self._context.feature, artifact, self._change(artifact))

    def _change(self, artifact: Artifact) -> Change:
        return self._context.change(f"{artifact.name} is kept")
