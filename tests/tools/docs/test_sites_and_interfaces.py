"""Sites built and interfaces exported in prepared environments, with the real generators and frameworks."""

import json
from collections.abc import Callable, Iterator

import pytest

from devctl import DevctlSettings, Launcher, PreparationFailed, open_launcher
from devctl.errors import SandboxUnavailable
from tests.tools.repositories import committed
from tools.docs import DocReport, DocumentationChange
from tools.docs.openapi import differences, missing_routes
from tools.docs.sites import site_packages
from tools.git import Mirror
from tools.preparing import prepare_commit
from tools.worktree import WorkTree, open_worktree

Check = Callable[..., DocReport]
MKDOCS = {"mkdocs.yml": "site_name: Shop\n", "requirements-docs.txt": "mkdocs>=1.6\n", "docs/index.md": "# Shop\n"}
SPHINX = {
    "docs/conf.py": "project = 'Shop'\n",
    "docs/requirements.txt": "sphinx>=7  # builds\n",
    "docs/index.rst": "Shop\n====\n\nHello.\n",
}
FASTAPI = """from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI(title="Shop", version="1")


class Item(BaseModel):
    name: str


@app.get("/items/{item_id}")
def item(item_id: int) -> Item:
    return Item(name=str(item_id))
"""
SMOREST = """from flask import Flask
from flask_smorest import Api, Blueprint

app = Flask(__name__)
app.config.update(API_TITLE="Shop", API_VERSION="1", OPENAPI_VERSION="3.0.3")
api = Api(app)
items = Blueprint("items", __name__, url_prefix="/items")


@items.route("/<int:item_id>")
@items.response(200)
def item(item_id):
    return {}


api.register_blueprint(items)
"""


@pytest.fixture(scope="module")
def installing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Real sandboxes whose packages come from where this machine has them."""
    settings = DevctlSettings.from_environment(folder=tmp_path_factory.mktemp("devctl"), backend="bubblewrap")
    try:
        opened = open_launcher(settings, None)
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    yield opened
    opened.stop_all()


@pytest.fixture
def checked(installing: Launcher, mirror: Mirror, first: str) -> Check:
    """Checks a change in environments with everything that the repository asks for."""

    def opened(at: str) -> WorkTree:
        try:
            prepared = prepare_commit(installing, mirror, at, packages=site_packages(mirror, at))
        except PreparationFailed as fault:
            pytest.skip(f"the package registry is not reached: {fault.message}")
        return open_worktree(installing, mirror, at, prepared=prepared)

    def check(base: dict[str, str], change: dict[str, str]) -> DocReport:
        before = committed(mirror, first, base)
        return DocumentationChange(mirror, before, committed(mirror, before, change), open_tree=opened).check()

    return check


def test_mkdocs_is_built_in_strict_mode(checked: Check) -> None:
    report = checked(MKDOCS, {"docs/index.md": "# Shop\n\n[more](more.md)\n", "docs/more.md": "# More\n"})
    assert (report.findings, report.built) == ((), ("mkdocs",))
    nav = {"mkdocs.yml": "site_name: Shop\nnav:\n  - index.md\n  - gone.md\n", "docs/index.md": "# Shop!\n"}
    broken = checked(MKDOCS, nav)
    assert [found.check for found in broken.findings] == ["mkdocs"]
    assert "gone.md" in broken.findings[0].message


def test_sphinx_is_built_and_older_warnings_are_left_out(checked: Check) -> None:
    report = checked(SPHINX, {"docs/index.rst": SPHINX["docs/index.rst"] + "\n.. nonsense:: x\n"})
    assert [(found.check, found.path, found.line) for found in report.findings] == [("sphinx", "docs/index.rst", 6)]
    older = {**SPHINX, "docs/index.rst": SPHINX["docs/index.rst"] + "\n:ref:`nowhere`\n"}
    same = checked(older, {"docs/index.rst": older["docs/index.rst"] + "\nMore.\n"})
    assert same.findings == ()
    assert any("older than the change" in note for note in same.notes)


def test_a_site_whose_generator_is_not_declared_is_said_not_to_be_built(checked: Check) -> None:
    report = checked({"mkdocs.yml": "site_name: A\n"}, {"docs/index.md": "# A\n"})
    assert (report.findings, report.built) == ((), ())
    assert "mkdocs.yml was not built" in report.notes[0]


def test_the_interface_of_a_fastapi_application_is_held_against_its_document(checked: Check) -> None:
    base = {"requirements.txt": "fastapi>=0.100\n", "shop/app.py": FASTAPI, "openapi.json": "{}"}
    outdated = {"openapi": "3.1.0", "paths": {"/old": {"get": {}}, "/items/{item_id}": {"get": {"responses": {}}}}}
    report = checked(base, {"openapi.json": json.dumps(outdated, indent=1)})
    said = [found.message for found in report.findings]
    assert report.built == ("openapi",)
    assert "the path /old is not in the code" in said
    assert "the parameter path item_id of GET /items/{item_id} is missing" in said
    assert "the response 200 of GET /items/{item_id} is missing" in said
    assert "the schema Item is missing" in said
    assert next(found.line for found in report.findings if "/old" in found.message) == 4


def test_the_interface_of_a_flask_application_is_exported_too(checked: Check) -> None:
    base = {
        "requirements.txt": "flask-smorest>=0.44\n",
        "app.py": SMOREST,
        "openapi.yaml": "openapi: 3.0.3\npaths: {}\n",
    }
    report = checked(base, {"README.md": "# Shop\n", "app.py": f"{SMOREST}\n# touched\n"})
    assert report.built == ("openapi",)
    assert "the path /items/{item_id} is missing" in [found.message for found in report.findings]


def test_a_command_of_the_repository_makes_the_document(checked: Check) -> None:
    made = {"openapi": "3.1.0", "paths": {"/a": {"get": {}}}}
    toml = {"roadcrew.toml": '[docs]\nopenapi = "python made.py"\n', "made.py": f"print({json.dumps(made)!r})\n"}
    report = checked(toml, {"openapi.json": json.dumps(made), "x.py": "x = 1\n"})
    assert (report.findings, report.built) == ((), ("openapi",))
    failing = {**toml, "made.py": "raise SystemExit('no database')\n"}
    (found,) = checked(failing, {"openapi.json": json.dumps(made), "x.py": "x = 1\n"}).findings
    assert (found.path, "no database" in found.hint) == ("roadcrew.toml", True)


def test_routes_stand_in_for_an_application_that_cannot_be_exported() -> None:
    document = {"openapi": "3.1.0", "servers": [{"url": "https://x/v1"}], "paths": {"/items/{id}": {"get": {}}}}
    assert missing_routes(document, ["GET /v1/items/{item_id}"]) == ()
    (missing,) = missing_routes(document, ["POST /v1/items"])
    assert missing.what == "the route POST /v1/items of the code is missing"


def test_words_for_people_make_no_difference_and_shapes_do() -> None:
    one = {"paths": {"/a": {"get": {"summary": "A", "responses": {"200": {"description": "fine"}}}}}}
    two = {"paths": {"/a": {"get": {"summary": "B", "responses": {"200": {"description": "well"}}}}}}
    assert differences(one, two) == ()
    schemas = [{"paths": {}, "components": {"schemas": {"A": {"properties": {"title": {"type": t}}}}}} for t in ("string", "integer")]  # fmt: skip
    assert "the schema A differs" in differences(schemas[0], schemas[1])[0].what
