"""The wizard: checks, asks the policy, builds, keeps a record and tells those who want to hear."""

import json
import logging
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from devctl.admission.policy_admission import PolicyAdmission
from devctl.builder import Builder, BuildOptions, BuildStep, open_builder
from devctl.capture import Job, run
from devctl.errors import BuildRefused
from devctl.fleet.database import Database, open_database
from devctl.fleet.records import User
from devctl.scan.records import scores_of
from devctl.settings import DevctlSettings
from devctl.sources.records import BuildPlan
from devctl.wizard.lint import LintFinding, lint
from devctl.wizard.records import Base, CustomImage, WizardRequest
from devctl.wizard.rendering import render

log = logging.getLogger(__name__)

Progress = Callable[[BuildStep], None]
OnImageBuilt = Callable[[CustomImage], None]
_HOOK_SECONDS = 60.0
_UPSERT = """INSERT INTO custom_image (owner, tag, digest_tag, image_id, build_time, base, packages, dockerfile)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (owner, tag) DO UPDATE SET digest_tag = excluded.digest_tag, image_id = excluded.image_id,
    build_time = excluded.build_time, base = excluded.base, packages = excluded.packages,
    dockerfile = excluded.dockerfile"""


class Wizard:
    """Makes images of answers; safe to share between threads."""

    def __init__(
        self, database: Database, admission: PolicyAdmission, builder: Builder,
        on_image_built: Sequence[OnImageBuilt] = (),
    ) -> None:  # fmt: skip
        """`on_image_built` hear of each image, after it was recorded."""
        self._database = database
        self._admission = admission
        self._builder = builder
        self._on_image_built = tuple(on_image_built)

    def make(self, user: User, request: WizardRequest, progress: Progress | None = None) -> CustomImage:
        """Build an image of the answers and record it.

        Raises LaunchRefused where the policy does not allow it, BuildRefused where the Dockerfile breaks a rule,
        BuildFailed with the end of the build's output.
        """
        decision = self._admission.decide_image(user, "wizard", request.tag, request.base, request.packages)
        dockerfile = checked(request)
        with tempfile.TemporaryDirectory(prefix="wizard") as folder:
            (Path(folder) / "Dockerfile").write_text(dockerfile)
            plan = BuildPlan(context=Path(folder), dockerfile=Path(folder) / "Dockerfile")
            built = self._builder.build(plan, progress, BuildOptions(tag=request.tag, owner=user.name))
        image = CustomImage(
            owner=user.name, tag=request.tag, digest_tag=built.tag, image_id=built.id, build_time=datetime.now(UTC),
            base=request.base, packages=request.packages, dockerfile=dockerfile,
            notes=(*built.notes, *decision.reasons, *(f"{one.rule}: {one.message}" for one in lint(dockerfile))),
        )  # fmt: skip
        self._record(image)
        for tell in self._on_image_built:
            tell(image)
        return image

    def images(self, owner: str | None = None) -> list[CustomImage]:
        """The images that were made, of one owner or all, newest first."""
        return custom_images(self._database, owner)

    def _record(self, image: CustomImage) -> None:
        row = (image.owner, image.tag, image.digest_tag, image.image_id, image.build_time, image.base)
        with self._database.connection() as connection:
            connection.execute(_UPSERT, [*row, Jsonb(dict(image.packages)), image.dockerfile])
        log.info("recorded the image %s of %s", image.tag, image.owner)


def custom_images(database: Database, owner: str | None = None) -> list[CustomImage]:
    """The images that wizards made, of one owner or all, newest first."""
    query = (
        "SELECT owner, tag, digest_tag, image_id, build_time, base, packages, dockerfile FROM custom_image "
        "WHERE %s::text IS NULL OR owner = %s ORDER BY build_time DESC"
    )
    return [CustomImage.model_validate(row) for row in database.rows(query, owner, owner)]


def checked(request: WizardRequest) -> str:
    """The Dockerfile of a request; raises BuildRefused when it breaks a rule that is no mere advice."""
    if request.user in ("root", "docker", "sudo"):
        raise BuildRefused(f"the user may not be {request.user!r}", "choose a name of no special rights")
    dockerfile = render(request)
    broken = [finding for finding in lint(dockerfile) if finding.severity == "error"]
    if broken:
        raise BuildRefused("the Dockerfile breaks rules: " + "; ".join(map(_words, broken)), "change the answers")
    return dockerfile


def bases(allowed: Callable[[str], bool] = lambda _image: True) -> list[Base]:
    """The base images to offer, those that are allowed."""
    listed = tomllib.loads(files("devctl.wizard").joinpath("bases.toml").read_text(encoding="utf-8"))["base"]
    return [base for base in TypeAdapter(list[Base]).validate_python(listed) if allowed(base.image)]


def hook(program: Sequence[str], env: Mapping[str, str]) -> OnImageBuilt:
    """Have a program told of each image: it reads the record as JSON. A failing one is logged; the image stays."""

    def tell(image: CustomImage) -> None:
        event = {"event": "image_built", "image": image.model_dump(mode="json")}
        job = Job(argv=tuple(program), env=dict(env), stdin=json.dumps(event).encode(), seconds=_HOOK_SECONDS)
        try:
            ended = run(job)
        except OSError as error:
            log.warning("%s does not run: %s", program[0], error)
            return
        if ended.exit_code != 0:
            log.warning("%s did not take the image %s: %s", program[0], image.tag, ended.text.strip()[-500:])

    return tell


@contextmanager
def open_wizard(settings: DevctlSettings, on_image_built: Sequence[OnImageBuilt] = ()) -> Iterator[Wizard]:
    """Open the wizard on the engine and the state that the settings name; the settings' own hook is told, too."""
    told = [*on_image_built]
    if settings.on_image_built:
        told.append(hook(settings.on_image_built, settings.hook_env))
    database = open_database(settings)
    try:
        admission = PolicyAdmission(database, settings.policy(), None, scores_of(database))
        with open_builder(settings) as builder:
            yield Wizard(database, admission, builder, told)
    finally:
        database.close()


def _words(finding: LintFinding) -> str:
    return f"{finding.rule} in line {finding.line}: {finding.message}"
