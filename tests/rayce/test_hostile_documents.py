"""Documents made to hurt: every loader refuses them by key and value, soon, and nothing in them is ever run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from deployments.edge.problems import Problem, problem_response
from rayce.api_keys import parse_keys
from rayce.errors import InvalidInput
from rayce.features.catalogue import parse_features
from rayce.model_routing import parse_routing
from rayce.rules.rule_set import parse_rules
from rayce.segments.catalogue import parse_catalogue
from rayce.slots.book import parse_slots
from rayce.yaml_tree import read_yaml

LOADERS: dict[str, Callable[[str], Any]] = {
    "rules": parse_rules,
    "slots": parse_slots,
    "models": parse_routing,
    "keys": parse_keys,
    "segments": parse_catalogue,
    "features": parse_features,
}
LISTS = "version: 1\nrules: {0}\nslots: {0}\nsplit: {0}\nkeys: {0}\nsegments: {0}\nfamilies: {0}\n"


def bomb(first: str, each: str) -> str:
    """Nine levels of ten: a few hundred bytes that unfold to a thousand million."""
    lines = [f"a0: &a0 {first}"]
    return "\n".join([*lines, *(f"a{n}: &a{n} {each.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, 10))])


HOSTILE = {
    "lists within lists": bomb("[x]", "[{0}]") + "\n" + LISTS.format("*a9"),
    "merges": bomb("{k0: 1, k1: 1, k2: 1}", "{{<<: [{0}]}}"),
    "itself": "&a {version: 1, rules: [*a], slots: [*a], split: [*a], keys: *a, segments: [*a], families: [*a]}",
    "only itself": "&a [*a]",
    "deep lists": "[" * 100_000,
    "deep maps": "{a: " * 50_000,
    "half a character": '"\\ud800"',
    "half a character as a key": '"\\udfff": 1',
    "half a character within": LISTS.format('[{name: "\\ud800", description: "\\ud800", model: "\\ud800", bit: 0}]'),
    "NUL": 'version: "\\0"',
    "a number of minutes without end": "version: " + ":".join(["1"] * 60_000),
    "digits without end": "version: " + "9" * 100_000,
    "a number too large": "version: 1e999999",
    "not a number": LISTS.format("[{share: .nan, bit: .nan, priority: .nan, name: a}]"),
    "infinite": LISTS.format("[{share: .inf, bit: .inf, boost: .inf, name: a}]"),
    "a day": "version: 2020-01-01",
    "bytes": LISTS.format("!!binary /w=="),
    "a set": "!!set {version, rules}",
    "keys that are lists": "? [a, b]\n: 1",
    "keys that are numbers": "1: 2\n1.5: 3",
    "two documents": "version: 1\n---\nversion: 1",
    "an unknown tag": "!rayce a",
    "a byte order mark within": "version: 1\n\ufeffrules: []",
    "tabs": "version:\t1\n\trules: []",
}
RUN = [
    "!!python/object/apply:os.mkdir ['{}']",
    "!!python/object/new:os.system ['touch {}']",
    "!!python/name:os.system",
    '{{version: 1, rules: [{{name: x, items: {{category: [\'__import__("os").system("touch {}")\']}}, filter: drop}}]}}',
]


def refusal(load: Callable[[str], Any], text: str) -> InvalidInput | None:
    """None where it was taken. Whatever it says can be told to its sender, in few words."""
    try:
        load(text)
    except InvalidInput as error:
        assert len(problem_response(Problem(422, str(error), error.key, error.value)).body) < 10_000
        return error
    return None


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_it_is_refused(load: Callable[[str], Any], text: str) -> None:
    assert refusal(load, text) is not None


@pytest.mark.parametrize("text", RUN)
@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_nothing_in_a_document_is_run(load: Callable[[str], Any], text: str, tmp_path: Path) -> None:
    trace = tmp_path / "it_was_run"
    refusal(load, text.format(trace))
    assert not trace.exists()


def test_control_a_loader_that_runs_what_it_reads_would_be_noticed(tmp_path: Path) -> None:
    trace = tmp_path / "it_was_run"
    yaml.unsafe_load(RUN[0].format(trace))
    assert trace.exists()


class _Page(Struct, forbid_unknown_fields=True):
    words: list[str] = []


def test_control_whole_characters_are_taken() -> None:
    assert read_yaml('words: ["\\u00e4", "\\U0001f6d2", "日本"]', _Page).words == ["ä", "🛒", "日本"]


GOOD = {
    "rules": "version: 1\nrules:\n  - name: a\n    priority: 3\n    items: {category: [b], price: {below: 5}}\n    boost: 2\n",
    "slots": (
        "version: 1\nslots:\n  - name: a\n    fallback: b\n    variants: [{name: b, payload: {c: 1}}]\n"
        "    experiments: [{name: e, arms: [{variant: b, weight: 2}], holdout: 0.1}]\n    rules: [{name: r, experiment: e}]\n"
    ),
    "models": "version: 1\nsalt: s\nsplit: [{model: a, share: 0.5}]\nshadow: [{model: b, share: 0.5}]\n",
    "keys": f"version: 1\nkeys:\n  a: {{sha256: {'ab' * 32}, tenant: t, scopes: [read], until: 2027-01-01T00:00:00Z}}\n",
    "segments": (
        "version: 1\nretired_bits: [9]\nsegments:\n  - name: a\n    bit: 1\n    kind: rule\n    triggers: [view]\n"
        "    ttl_s: 60\n    when: {all: [{feature: purchases, ge: 1}, {not: {feature: spend, lt: 2}}]}\n"
    ),
    "features": "version: 1\nfamilies: [windows, decaying]\n",
}
PIECES = st.sampled_from(
    [
        "~",
        "-1",
        "1e9",
        ".nan",
        '"\\ud800"',
        "[]",
        "{}",
        "[[]]",
        "&a [*a]",
        "*a",
        "!!set {a}",
        "2020-01-01",
        "''",
        "yes",
        "<<",
    ]
) | st.text(max_size=8)


@pytest.mark.parametrize("name", GOOD)
def test_control_the_good_ones_are_taken(name: str) -> None:
    assert refusal(LOADERS[name], GOOD[name]) is None


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=250, deadline=None)
@given(st.data())
def test_a_good_one_with_pieces_exchanged_is_taken_or_refused(name: str, data: st.DataObject) -> None:
    text = GOOD[name]
    for _change in range(data.draw(st.integers(1, 3))):
        places = [match.span() for match in re.finditer(r"[\w.]+|[\[\]{}:,\n -]", text)]
        start, end = data.draw(st.sampled_from(places))
        text = text[:start] + data.draw(PIECES) + text[end:]
    refusal(LOADERS[name], text)
