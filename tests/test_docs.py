"""Documentation that cannot rot: what the code has is documented, what is documented is there, links lead somewhere."""

import ast
import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
import yaml
from typer.main import get_command

from cluster import serving
from cluster.local import errors as local_errors
from deployments.edge.admin.desk import Desk
from deployments.edge.admin.routes import admin_routes
from deployments.edge.admin.schemas import DOCUMENT_KINDS
from deployments.edge.ladder import Ladder
from deployments.edge.routes import OPEN, routes
from jobs import running
from rayce import client_errors, errors
from rayce.cli import app
from rayce.features import CATEGORIES, FEATURES
from rayce.features.catalogue import parse_features
from rayce.features.feature_set import ALL, ALWAYS
from rayce.labels.catalogue import load_labels
from rayce.metrics import LABELS
from rayce.segments.catalogue import parse_catalogue
from rayce.settings import knobs
from rayce.settings_page import variable

CHECKOUT = Path(__file__).parent.parent
DOCS = CHECKOUT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *CHECKOUT.glob("*.md")])
NAMES = [page.relative_to(CHECKOUT).as_posix() for page in PAGES]
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROUTES = [*routes(cast(Ladder, None)), *admin_routes(Desk(), bytes)]
DOCUMENTS = {(method, f"/admin/{kind}") for method in ("GET", "PUT") for kind in DOCUMENT_KINDS}
OTHER_ROUTES = {("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/rayce.js"), ("GET", "/admin/openapi.json")}


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def cells(name: str) -> set[tuple[str, ...]]:
    """The rows of a page's tables."""
    lines = [line for line in text(name).splitlines() if line.startswith("| ")]
    return {tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines}


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def errors_of(module: ModuleType) -> list[type[Exception]]:
    found = [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, Exception)]
    return [value for value in found if value.__module__ == module.__name__]


class TestReference:
    def test_every_setting_has_its_row(self) -> None:
        page = text("settings.md")
        assert [path for path, _default, why in knobs() if f"| `{path}`<br>`{variable(path)}` |" not in page] == []
        assert all(why for _path, _default, why in knobs()), "a knob without a reason"

    def test_every_metric_has_its_row_with_the_meaning_of_the_code(self) -> None:
        source = (CHECKOUT / "rayce" / "metrics.py").read_text(encoding="utf-8")
        meaning = dict(re.findall(r'^    "(rayce_\w+)",  # (.+)$', source, re.MULTILINE))
        assert meaning.keys() == LABELS.keys(), "a name without a comment, or without labels"
        rows = {(f"`{n}`", ", ".join(f"`{label}`" for label in LABELS[n]), meaning[n]) for n in LABELS}
        assert rows <= cells("metrics.md")

    def test_no_metric_is_documented_that_is_not_there(self) -> None:
        for page in PAGES:
            named = set(re.findall(r"\brayce_[a-z_]+_(?:total|seconds|events|users|epoch)\b", page.read_text("utf-8")))
            assert named <= LABELS.keys(), page

    def test_every_label_is_explained(self) -> None:
        explained = {row[0] for row in cells("metrics.md")}
        assert {f"`{label}`" for labels in LABELS.values() for label in labels} <= explained

    def test_every_log_event_has_its_row(self) -> None:
        documented = set(re.findall(r"^\| `(\w+)` \| (?:info|warning|error) \|", text("metrics.md"), re.MULTILINE))
        assert documented == set(log_events())

    def test_every_error_has_its_row_with_what_its_docstring_says(self) -> None:
        rows = cells("errors.md")
        for kind in errors_of(errors):
            base = kind.__bases__[0]
            above = f"`{base.__name__}`" if base is not Exception else ""
            assert (f"`{kind.__name__}`", above, inspect.getdoc(kind)) in rows
        for kind in errors_of(client_errors):
            assert (f"`{kind.__name__}`", inspect.getdoc(kind)) in rows
        for kind in [*errors_of(local_errors), *errors_of(serving)]:
            assert (f"`{kind.__name__}`", f"`{kind.__module__.replace('.', '/')}.py`", inspect.getdoc(kind)) in rows

    def test_every_route_has_its_row_with_its_scope(self) -> None:
        served = {(route.method, route.path): route.scope for route in ROUTES}
        documented = {}
        for row in cells("http.md") | cells("administration.md"):
            if call := re.match(r"`(GET|PUT|POST|DELETE) (\S+?)`", row[0]):
                documented[call.groups()] = row[1] if row[1] != "none" else OPEN
        assert documented == served

    def test_every_call_that_a_page_names_is_served(self) -> None:
        served = {(route.method, route.path) for route in ROUTES} | OTHER_ROUTES | DOCUMENTS
        for page in PAGES:
            named = re.findall(r"`(GET|PUT|POST|DELETE) (/[\w/{}.]*)", page.read_text(encoding="utf-8"))
            assert set(named) <= served, page

    def test_every_feature_and_model_is_explained_to_marketers(self) -> None:
        rows = re.findall(r"^\| ((?:`\w+` )+)\|", text("features.md").partition("## The list")[2], re.MULTILINE)
        named = [name for row in rows for name in re.findall(r"\w+", row)]
        assert sorted(named) == sorted([*FEATURES, *CATEGORIES])
        assert all(f"`{name}`" in text("segments.md") for name in load_labels())

    def test_every_family_of_features_has_its_row_and_is_on_in_the_starter(self) -> None:
        page, starter = text("features.md"), (CHECKOUT / "rayce" / "features" / "starter.yaml").read_text("utf-8")
        table = page[page.index("| family |") : page.index("An unknown or doubled name")]
        names = [family.name for family in ALL.families]
        assert set(re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines() if row))) == set(
            names
        )
        assert sorted(yaml.safe_load(starter)["families"]) == sorted(names)

    def test_every_job_and_exit_code_is_explained(self) -> None:
        names = {
            path.stem
            for path in (CHECKOUT / "jobs").glob("*.py")
            if '__name__ == "__main__"' in path.read_text("utf-8")
        }
        rows = cells("jobs.md")
        assert {f"`jobs.{name}`" for name in names} <= {row[0] for row in rows}
        assert {"0", "1", str(running.NOT_ENOUGH_DATA), str(running.WORSE)} <= {row[0] for row in rows}


class TestExamples:
    @pytest.mark.parametrize("name", NAMES)
    def test_json_and_yaml_and_python_can_be_read(self, name: str) -> None:
        page = CHECKOUT / name
        for body in blocks(page, "json"):
            json.loads(body)
        for body in blocks(page, "yaml"):
            yaml.safe_load(body)
        for body in blocks(page, "python"):
            compile(body, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    def test_the_catalogue_of_the_guide_holds_together(self) -> None:
        live, batch = blocks(DOCS / "segments.md", "yaml")
        assert len(parse_catalogue(live).segments) == 3 and len(parse_catalogue(batch).batch) == 4
        (example,) = blocks(DOCS / "features.md", "yaml")
        assert len(parse_features(example).families) == len(ALWAYS) + 3

    @pytest.mark.parametrize("name", NAMES)
    def test_commands_exist(self, name: str) -> None:
        page = (CHECKOUT / name).read_text(encoding="utf-8")
        verbs = set(re.findall(r"^([a-z-]+):.*##", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        commands = set(get_command(app).commands)  # type: ignore[attr-defined]
        assert set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page, re.MULTILINE)) <= verbs
        assert set(re.findall(r"(?:`|bin/)rayce ([a-z]+)", page)) <= commands
        for module in set(re.findall(r"python -m ([\w.]+)(?!\w|\.?<)", page)) - {"jobs."}:
            assert importlib.util.find_spec(module.rstrip(".")) is not None, module

    @pytest.mark.parametrize("name", NAMES)
    def test_files_that_are_named_exist(self, name: str) -> None:
        page = (CHECKOUT / name).read_text(encoding="utf-8")
        named = re.findall(
            r"`((?:rayce|cluster|deployments|jobs|examples|tests|docs|benchmarks|requirements)/[\w./-]*)`", page
        )
        assert [path for path in named if not (CHECKOUT / path).exists() and path != "benchmarks/RESULTS.md"] == []

    def test_the_readmes_request_is_the_one_of_getting_started(self) -> None:
        def commands(page: Path) -> list[str]:
            (body,) = [body for body in blocks(page, "bash") if "curl" in body]
            return [line for line in body.splitlines() if line]

        assert commands(CHECKOUT / "README.md") == commands(DOCS / "getting-started.md")

    def test_ci_runs_the_readmes_test_command(self) -> None:
        (commands,) = [body for body in blocks(CHECKOUT / "README.md", "bash") if "make demo" in body]
        assert re.findall(r"^make \w+", commands, re.MULTILINE) == ["make demo", "make test"]
        run = CHECKOUT / ".ci" / "run"
        assert os.access(run, os.X_OK)
        assert re.search(r"^step \d+ make test$", run.read_text(), re.MULTILINE)
        assert sum(map(int, re.findall(r"^step (\d+)", run.read_text(), re.MULTILINE))) <= 60
        subprocess.run(["bash", "-n", str(run)], check=True, timeout=10)


class TestLinks:
    @pytest.mark.parametrize("name", NAMES)
    def test_they_lead_to_pages_and_headings_that_exist(self, name: str) -> None:
        page = CHECKOUT / name
        for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            if target.startswith("https://"):
                continue
            path, _, heading = target.partition("#")
            other = (page.parent / path).resolve() if path else page
            assert other.exists(), target
            assert not heading or heading in headings(other), target

    def test_pages_of_the_site_do_not_leave_it(self) -> None:
        for page in DOCS.rglob("*.md"):
            for target in LINK.findall(page.read_text(encoding="utf-8")):
                if not target.startswith(("https://", "#")):
                    assert (page.parent / target.partition("#")[0]).resolve().is_relative_to(DOCS), (page, target)

    def test_decisions_that_the_code_names_exist(self) -> None:
        known = {path.name[:4] for path in (DOCS / "decisions").glob("[0-9]*.md")}
        for folder in ("rayce", "cluster", "deployments", "jobs"):
            for path in (CHECKOUT / folder).rglob("*.py"):
                named = set(re.findall(r"docs/decisions/(\d{4})", path.read_text(encoding="utf-8")))
                assert named <= known, path

    def test_decisions_are_short_numbered_and_listed(self) -> None:
        listed = LINK.findall(text("decisions/index.md"))
        files = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
        assert listed == files
        assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
        for name in files:
            assert text(f"decisions/{name}").startswith(f"# {name[:4]}: ")
            assert len(text(f"decisions/{name}").splitlines()) < 45, name


class TestSite:
    @pytest.fixture(scope="class")
    def site(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("site")
        shutil.copytree(DOCS, folder / "docs")
        shutil.copy(CHECKOUT / "zensical.toml", folder)
        command = [sys.executable, "-m", "zensical", "build", "--strict"]
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)
        assert built.returncode == 0, built.stdout + built.stderr
        return folder / "site"

    def test_every_page_is_built_and_in_the_navigation(self, site: Path) -> None:
        config = tomllib.loads((CHECKOUT / "zensical.toml").read_text(encoding="utf-8"))
        pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
        assert set(entries(config["project"]["nav"])) == pages
        for page in pages:
            assert (site / page).with_suffix(".html").is_file()

    def test_nothing_is_fetched_from_elsewhere(self, site: Path) -> None:
        for page in site.rglob("*.html"):
            html = page.read_text(encoding="utf-8")
            assert re.findall(r"<(?:script|img|iframe|link)[^>]*(?:src|href)=[\"']?(?:https?:)?//[^\"' >]+", html) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not there")
def test_the_readmes_first_request_works(tmp_path: Path) -> None:
    """On the stand-ins, without the demo's data: recommendations are then empty, but everything answers."""
    (body,) = [body for body in blocks(CHECKOUT / "README.md", "bash") if "curl" in body]
    root = tmp_path / ".rayce"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "cluster.up", "--embedded", "--root", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as up:
        try:
            assert up.stdout is not None
            address = json.loads(up.stdout.readline())
            script = body.replace("http://127.0.0.1:8000", address["url"]).replace("\n\n", "\necho; sleep 1\n")
            ran = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        finally:
            up.terminate()
            code = up.wait(60)
            left = [path.stem for path in (root / "run").glob("*.json") if json.loads(path.read_text())["pid"]]
            down = [sys.executable, "-m", "cluster.local", "down", "--root", str(root)]
            subprocess.run(down, env=environment, capture_output=True, timeout=60)
    assert (code, left) == (0, []), "SIGTERM stops everything in order"
    assert ran.returncode == 0, ran.stderr
    consent, events, segments, recommendations = [json.loads(line) for line in ran.stdout.splitlines() if line]
    assert consent["personalization"] is True
    assert events == {"accepted": 1, "not_stored": 0, "errors": []}
    assert "cart_engaged" in segments["segments"]
    assert recommendations["user_id"] == "ada"


def headings(page: Path) -> set[str]:
    """The anchors of a page, as the site makes them."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in found}


def entries(nav: object) -> Iterator[str]:
    """The pages of a navigation, nested as they may be."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for below in nav.values():
            yield from entries(below)
    elif isinstance(nav, list):
        for below in nav:
            yield from entries(below)


def log_events() -> Iterator[str]:
    """The names of the log events of library and programs."""
    for folder in ("rayce", "cluster", "deployments", "jobs"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "log"
                    and node.func.attr in ("debug", "info", "warning", "error", "exception")
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    yield str(node.args[0].value)
