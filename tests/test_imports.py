"""Who may import whom (docs/architecture.md): a table, a walk over the syntax trees, and a tree of lies that must be caught."""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).parent.parent

PROGRAMS = ("cluster", "deployments", "jobs")
OURS = ("rayce", *PROGRAMS, "examples", "benchmarks", "tests")

MAY_IMPORT = {
    "rayce": {"rayce"},
    "cluster": {"cluster", "rayce"},
    "deployments": {"deployments", "rayce"},
    "jobs": {"jobs", "rayce"},
    "examples": {"examples", "rayce"},
}
"""By folder, which of our folders it may import. Benchmarks and tests may import all."""

ONLY_IN = {
    "ray": (
        "cluster/lake/actor.py",
        "cluster/stream/actors.py",
        "cluster/stream/resume.py",
        "cluster/local_cluster.py",
        "cluster/ray_settings.py",
        "cluster/schedule/actors.py",
        "cluster/start.py",
        "cluster/serving.py",
        "deployments/app.py",
        "deployments/before_ray.py",
        "jobs/*.py",
    ),
    "redis": ("rayce/stores/redis_address.py", "rayce/stores/redis_cluster.py"),
    "hiredis": ("rayce/stores/redis_socket.py", "rayce/stores/redis_wire.py", "rayce/stores/redis_listening.py"),
    "boto3": ("rayce/stores/dynamo/*.py",),
    "botocore": ("rayce/stores/dynamo/*.py",),
    "kafka": (
        "rayce/stores/kafka_log.py",
        "rayce/stores/kafka_changes.py",
        "rayce/stores/kafka_listening.py",
    ),
    "lightgbm": ("rayce/model.py", "rayce/training.py", "rayce/lists/boosting.py"),
    "numba": (
        "rayce/tree_kernel.py",
        "rayce/session_kernel.py",
        "rayce/sequence/kernel.py",
        "rayce/lists/kernel.py",
        "rayce/lists/blocks.py",
    ),
    "aiohttp": ("rayce/transport.py",),
    "ua_parser": ("rayce/device.py",),
    "cronsim": ("rayce/schedule.py",),
    "maxminddb": ("rayce/country.py",),
    "typer": ("rayce/cli.py", "rayce/commands/*.py", "cluster/local/__main__.py", "examples/demo/__main__.py"),
}
"""By third-party package, the files of ours that may import it: one client, one importer."""

EXEMPT = {
    # The local stack starts these servers, so it asks them with their own clients whether they are up.
    "cluster/local/*.py",
    # A customer's page: it measures and shows, it is not part of rayce.
    "examples/demo/*.py",
}

VALUES = (
    "event",
    "profile",
    "fold",
    "features/*",
    "recent_ids",
    "decay",
    "consent",
    "item",
    "pseudonym",
    "candidates",
    "ranking",
    "shelf",
    "precomputed",
    "uuid7",
    "errors",
    "relevance",
    "segments/*",
    "sequence/*",
    "circumstances",
    "rules/*",
    "yaml_tree",
    "model_inputs",
    "model_files",
    "own_history",
    "trees",
    "tree_text",
    "tree_kernel",
    "light_model",
    "session_*",
)
"""Modules of the library that are values and rules: they know no store and no settings."""

READ_SETTINGS = {
    # The stores take their own section; ingest takes the allow-list; the command line prints the tree.
    "rayce/stores/*": {"RedisSettings", "KafkaSettings", "DynamoSettings"},
    "rayce/ingest.py": {"PrivacySettings"},
    "rayce/api_keys.py": {"ApiKey"},
    "rayce/settings_page.py": {"*"},
    "rayce/commands/keys.py": {"ApiKey"},
    "rayce/commands/opening.py": {"*"},
    "rayce/commands/import_opening.py": {"*"},
    "rayce/commands/exporting.py": {"Settings"},
    "rayce/commands/rules.py": {"load_settings"},
    "rayce/commands/lake.py": {"*"},
}
"""Who in the library may import `rayce.settings`, and which names of it; everybody else takes what it needs."""

LOAD_SETTINGS = (
    "cluster/start.py",
    "cluster/local_cluster.py",
    "deployments/app.py",
    "jobs/frame.py",
    "jobs/job.py",
    "rayce/commands/lake.py",
    "rayce/commands/opening.py",
    "rayce/commands/import_opening.py",
    "rayce/commands/rules.py",
)
"""The composition roots: only they read settings from the file and the environment."""


DOMAIN_WORDS = {"__main__", "profile"}
"""Names that the standard library has too, and that are the right ones all the same."""


class Import(NamedTuple):
    """One import: where, the module, the name taken from it ("" for the module itself)."""

    file: str
    line: int
    module: str
    name: str

    @property
    def top(self) -> str:
        """The package."""
        return self.module.partition(".")[0]


def imports_of(root: Path) -> Iterator[Import]:
    """Every import of our folders below `root`, also those inside functions and conditions."""
    for folder in OURS:
        for path in sorted((root / folder).rglob("*.py")):
            file = path.relative_to(root).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), file)):
                if isinstance(node, ast.Import):
                    yield from (Import(file, node.lineno, alias.name, "") for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    module = node.module or ""
                    if node.level:
                        module = ".".join([*path.relative_to(root).parts[: -node.level], *filter(None, [module])])
                    yield from (Import(file, node.lineno, module, alias.name) for alias in node.names)


def violations(root: Path) -> list[str]:
    """What breaks the table, one line each."""
    return [
        f"{found.file}:{found.line}: {reason}: {found.module} {found.name}".rstrip()
        for found in imports_of(root)
        for reason in _reasons(found)
    ]


def _reasons(found: Import) -> Iterator[str]:
    folder = found.file.partition("/")[0]
    if folder in MAY_IMPORT and found.top in OURS and found.top not in MAY_IMPORT[folder]:
        yield f"{folder} must not import {found.top}"
    if folder in ("benchmarks", "tests"):
        return
    allowed = ONLY_IN.get(found.top)
    exempt = folder != "rayce" and found.top != "ray" and _matches(found.file, EXEMPT)
    if allowed is not None and not exempt and not _matches(found.file, allowed):
        yield f"{found.top} is imported only by {', '.join(allowed)}"
    if folder == "rayce":
        yield from _reasons_inside(found)
    elif _takes(found, "rayce.settings", "load_settings") and not _matches(found.file, LOAD_SETTINGS):
        yield "only composition roots load settings"


def _reasons_inside(found: Import) -> Iterator[str]:
    is_value = _matches(found.file, [f"rayce/{name}.py" for name in VALUES])
    if is_value and (_takes(found, "rayce.stores") or _takes(found, "rayce.settings")):
        yield "values know nothing of stores or settings"
    elif _takes(found, "rayce.settings"):
        names = {name for pattern, some in READ_SETTINGS.items() if fnmatch(found.file, pattern) for name in some}
        if "*" not in names and found.name not in names:
            yield "the library takes what it needs instead of reading settings"


def cycles(root: Path) -> list[list[str]]:
    """Groups of our modules that import one another, however far around."""
    files = {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in _files(root)}
    edges: dict[str, set[str]] = {module: set() for module in files}
    for found in imports_of(root):
        module = found.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        target = f"{found.module}.{found.name}" if f"{found.module}.{found.name}" in files else found.module
        if target in files and target != module:
            edges[module].add(target)
    reach = {module: _reach(module, edges) for module in files}
    groups = {tuple(sorted(m for m in reach[a] if a in reach[m])) for a in files if a in reach[a]}
    return sorted(map(list, groups))


def _reach(start: str, edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += edges[module]
    return found


def _files(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for folder in OURS for path in (root / folder).rglob("*.py")]


def _takes(found: Import, module: str, name: str = "") -> bool:
    """Whether this imports (something of) the module, however it is written; with `name`, that name of it."""
    whole = f"{found.module}.{found.name}"
    if name:
        return whole == f"{module}.{name}" or found.module == f"{module}.{name}"
    return found.module == module or found.module.startswith(f"{module}.") or whole == module


def _matches(file: str, patterns: "set[str] | list[str] | tuple[str, ...]") -> bool:
    return any(fnmatch(file, pattern) for pattern in patterns)


def test_every_import_obeys_the_table() -> None:
    assert violations(CHECKOUT) == []


def test_the_table_names_files_that_exist() -> None:
    named = [file for files in ONLY_IN.values() for file in files] + list(READ_SETTINGS) + list(LOAD_SETTINGS)
    named += [f"rayce/{name}.py" for name in VALUES] + list(EXEMPT)
    assert [pattern for pattern in named if not any(CHECKOUT.glob(pattern))] == []


def test_no_module_is_named_after_the_standard_library() -> None:
    folders = (*MAY_IMPORT, "benchmarks")
    modules = {path.stem for folder in folders for path in (CHECKOUT / folder).rglob("*.py")}
    assert modules & sys.stdlib_module_names <= DOMAIN_WORDS


def test_there_is_no_import_cycle() -> None:
    assert cycles(CHECKOUT) == []


def test_a_cycle_is_caught(tmp_path: Path) -> None:
    (tmp_path / "rayce" / "stores").mkdir(parents=True)
    for name, source in {
        "a": "from rayce.stores import b",
        "stores/b": "import rayce.c",
        "c": "from rayce.a import x",
        "d": "",
    }.items():
        (tmp_path / "rayce" / f"{name}.py").write_text(source)
    assert cycles(tmp_path) == [["rayce.a", "rayce.c", "rayce.stores.b"]]


LIES = {
    "rayce/fold.py": ("from rayce.stores.interfaces import Save", "values know nothing of stores"),
    "rayce/event.py": ("from rayce import settings", "values know nothing of stores"),
    "rayce/segments/rules.py": ("def f():\n    import rayce.stores.memory", "values know nothing of stores"),
    "rayce/people.py": ("from rayce.settings import Settings", "takes what it needs"),
    "rayce/stores/redis_view.py": ("from rayce.settings import KafkaSettings, load_settings", "takes what it needs"),
    "rayce/coalesce.py": ("import ray", "ray is imported only by"),
    "rayce/breaker.py": ("from cluster.environment import RAY_ENVIRONMENT", "rayce must not import cluster"),
    "rayce/ranking.py": ("import lightgbm as lgb", "lightgbm is imported only by"),
    "rayce/trees.py": ("def f():\n    from numba import njit", "numba is imported only by"),
    "rayce/generations.py": ("import boto3.session", "boto3 is imported only by"),
    "rayce/stores/memory.py": ("from botocore.config import Config", "botocore is imported only by"),
    "rayce/stores/kafka_log.py": ("import redis.asyncio", "redis is imported only by"),
    "cluster/stream/worker.py": ("try:\n    import ray\nexcept ImportError:\n    pass", "ray is imported only by"),
    "cluster/prepare.py": ("import deployments.app", "cluster must not import deployments"),
    "cluster/stream/build.py": ("from rayce.settings import load_settings", "only composition roots"),
    "cluster/local/valkey.py": ("from ray import serve", "ray is imported only by"),
    "deployments/edge/edge.py": ("from ray.serve.handle import DeploymentHandle", "ray is imported only by"),
    "deployments/ranker.py": ("from jobs import job", "deployments must not import jobs"),
    "deployments/feature_reader.py": ("from ..cluster import prepare", "deployments must not import cluster"),
    "jobs/job.py": ("from cluster.serving import deploy", "jobs must not import cluster"),
    "jobs/train_ranker.py": ("from kafka import KafkaConsumer", "kafka is imported only by"),
    "examples/demo/shop.py": ("import cluster.up", "examples must not import cluster"),
}
"""A negative control: each file breaks one rule, and the reason must be named."""


@pytest.mark.parametrize("file", LIES)
def test_a_forbidden_import_is_caught(tmp_path: Path, file: str) -> None:
    source, reason = LIES[file]
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    found = violations(tmp_path)
    assert found
    assert all(reason in line and line.startswith(f"{file}:") for line in found)


def test_an_allowed_tree_is_left_alone(tmp_path: Path) -> None:
    honest = {
        "rayce/stores/redis_cluster.py": "import redis.asyncio\nfrom rayce.settings import RedisSettings",
        "rayce/people.py": "from rayce.stores.interfaces import HotReader\nimport raytracing",
        "cluster/stream/actors.py": "import ray\nfrom rayce.settings import Settings\nfrom cluster.stream import worker",
        "cluster/start.py": "from rayce.settings import load_settings",
        "jobs/train_ranker.py": "import ray.data\nfrom jobs.job import Job",
        "benchmarks/freshness.py": "import cluster.local_cluster\nimport redis",
    }
    for file, source in honest.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert violations(tmp_path) == []
