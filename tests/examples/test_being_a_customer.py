"""The demo is a customer of rayce: it knows the client, and other programs by name only."""

import ast
from pathlib import Path

import examples.demo

HERE = Path(examples.demo.__file__).parent
OURS = {"rayce", "cluster", "deployments", "jobs", "benchmarks", "ray"}


def imported(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_it_imports_the_client_and_nothing_else_of_rayce() -> None:
    used = {name for file in HERE.glob("*.py") for name in imported(file) if name.partition(".")[0] in OURS}
    assert used == {"rayce.client"}


def test_the_client_imports_nothing_of_rayce_but_its_own_files() -> None:
    library, found, waiting = HERE.parents[1] / "rayce", set[str](), ["rayce.client"]
    while waiting:
        name = waiting.pop()
        found.add(name)
        file = library / f"{name.removeprefix('rayce.')}.py"
        waiting += [of for of in imported(file) if of.partition(".")[0] in OURS and of not in found]
    own = ("client", "async_client", "sync_client", "client_errors", "event_queue", "fallback", "forwarding", "replies")
    assert found == {f"rayce.{name}" for name in (*own, "transport", "breaker", "uuid7")}


def test_what_is_vendored_is_small_and_keeps_its_licence() -> None:
    vendored = {file.name: file for file in (HERE / "static" / "vendor").iterdir()}
    assert sum(file.stat().st_size for file in vendored.values()) < 100_000
    assert {"htmx.LICENSE", "uplot.LICENSE"} < set(vendored)
    for name in ("htmx.min.js", "uplot.min.js", "uplot.min.css"):
        assert vendored[name].read_text(encoding="utf-8").startswith("/*!")


def test_no_page_names_another_host() -> None:
    for file in [*(HERE / "templates").iterdir(), *(HERE / "static").glob("*.*")]:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name
