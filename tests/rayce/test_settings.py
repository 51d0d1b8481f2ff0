"""Settings: defaults, one file, the environment; an unknown key is named; every knob has a reason."""

from pathlib import Path

import msgspec
import pytest
import rich.pretty
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidSettings
from rayce.settings import Settings, knobs, load_settings

KNOBS = {name: (default, why) for name, default, why in knobs()}


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_file_and_environment_all_is_default() -> None:
    assert load_settings(None, {}) == Settings()


def test_the_file_goes_before_the_defaults_and_the_environment_before_the_file(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "kafka: {partitions: 8, replication: 3}\nredis: {url: redis://file:1}")
    found = load_settings(path, {"RAYCE_KAFKA__PARTITIONS": "16"})
    assert (found.kafka.partitions, found.kafka.replication, found.redis.url) == (16, 3, "redis://file:1")


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "kafka: {partitions: 8}")
    assert load_settings(None, {"RAYCE_SETTINGS": str(path)}).kafka.partitions == 8


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_says_why_one_would_turn_it(name: str) -> None:
    _default, why = KNOBS[name]
    assert len(why) > 8 and why.endswith(".")


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_can_be_turned_from_the_environment(name: str) -> None:
    default, _why = KNOBS[name]
    text = msgspec.json.encode(default).decode() if default is not None else "'x'"
    variable = "RAYCE_" + name.upper().replace(".", "__")
    load_settings(None, {variable: text})


@pytest.mark.parametrize(
    "text, key",
    [
        ("kafkaa: {}", "kafkaa"),
        ("kafka: {bootstrp: x}", "kafka.bootstrp"),
        ("kafka: {partitions: many}", "kafka.partitions"),
        ("kafka: {partitions: 0}", "kafka.partitions"),
        ("kafka: {partitions: true}", "kafka.partitions"),
        ("kafka: 5", "kafka"),
        ("kafka:", "kafka"),
        ("privacy: {context_fields: device}", "privacy.context_fields"),
        ("edge: {api_keys: {web: {sha256: x, tenent: y}}}", "edge.api_keys"),
        ("edge: {api_keys: {web: {sha256: x}}}", "edge.api_keys"),
        ("serving: {generation_poll_s: 0}", "serving.generation_poll_s"),
        ("{1: 2}", "top level"),
        ("- kafka", "settings.yaml"),
        ("kafka: {", "settings.yaml"),
        ("kafka: !!python/object:os.system {}", "settings.yaml"),
        ("5", "settings.yaml"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(settings_file(tmp_path, text), {})
    assert key in str(caught.value) or key in caught.value.key


def test_the_value_is_there_too(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(settings_file(tmp_path, "stream: {max_workers: none}"), {})
    assert (caught.value.key, caught.value.value) == ("stream.max_workers", "none")


def test_a_knob_of_a_former_version_says_what_has_taken_its_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"min_workers and stream\.max_workers") as caught:
        load_settings(settings_file(tmp_path, "stream: {workers: 3}"), {})
    assert (caught.value.key, caught.value.value) == ("stream.workers", 3)
    with pytest.raises(InvalidSettings, match=r"stream\.workers"):
        load_settings(None, {"RAYCE_STREAM__WORKERS": "3"})


@pytest.mark.parametrize(
    "variable, text",
    [
        ("RAYCE_KAFKA__BOOTSTRP", "x"),
        ("RAYCE_KAFKAA__BOOTSTRAP", "x"),
        ("RAYCE_KAFKA_BOOTSTRAP", "x"),
        ("RAYCE_KAFKA__PARTITIONS", "many"),
        ("RAYCE_KAFKA__PARTITIONS", "{"),
        ("RAYCE_KAFKA__PARTITIONS__X", "1"),
        ("RAYCE_EDGE__API_KEYS", "{"),
        ("RAYCE_", "x"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(variable: str, text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        load_settings(None, {variable: text})
    named = f"{caught.value} {caught.value.key}".upper().replace(".", "__")
    assert variable.removeprefix("RAYCE_").split("__")[0] in named


def test_other_programs_variables_are_theirs() -> None:
    assert load_settings(None, {"RAY_ADDRESS": "x", "PATH": "y", "RAYCE_LOCAL_ROOT": "z"}) == Settings()


def test_a_section_that_is_empty_in_the_file_can_be_filled_from_the_environment(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "kafka:\nredis:\n")
    with pytest.raises(InvalidSettings):
        load_settings(path, {"RAYCE_KAFKA__PARTITIONS": "8"})
    path = settings_file(tmp_path, "kafka:\n")
    assert load_settings(path, {"RAYCE_KAFKA__PARTITIONS": "8"}).kafka.partitions == 8


def test_a_scalar_in_the_file_where_the_environment_sets_a_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="setting `kafka` is no map"):
        load_settings(settings_file(tmp_path, "kafka: 5"), {"RAYCE_KAFKA__PARTITIONS": "8"})


@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=30))
def test_a_password_from_the_environment_arrives_or_is_none(text: str) -> None:
    found = load_settings(None, {"RAYCE_KAFKA__SASL_PASSWORD": text}).kafka.sasl_password
    assert found is None or isinstance(found, str)


@pytest.mark.parametrize("text", ["0815", "1e3", "yes", "a: b: c", "{x", "%x", "@x", "2026-01-01", "p@ss"])
def test_a_password_that_looks_like_something_else_is_a_password(text: str) -> None:
    assert load_settings(None, {"RAYCE_KAFKA__SASL_PASSWORD": text}).kafka.sasl_password == text


def test_quotes_in_the_environment_work_as_in_yaml() -> None:
    assert load_settings(None, {"RAYCE_KAFKA__SASL_PASSWORD": "'0815'"}).kafka.sasl_password == "0815"


def test_maps_and_lists_can_be_set_from_the_environment() -> None:
    keys = "{web: {sha256: aa, tenant: shop}}"
    found = load_settings(None, {"RAYCE_EDGE__API_KEYS": keys, "RAYCE_PRIVACY__CONTEXT_FIELDS": "[device]"})
    assert found.edge.api_keys["web"].tenant == "shop"
    assert found.privacy.context_fields == ("device",)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InvalidSettings, match=r"/no/such\.yaml"):
        load_settings("/no/such.yaml", {})


def test_settings_that_are_printed_do_not_show_secrets() -> None:
    secrets = ("redis://:hush@h", "kafkahush", "dynamohush", "00" * 32)
    environ = {
        "RAYCE_REDIS__URL": secrets[0],
        "RAYCE_KAFKA__SASL_PASSWORD": secrets[1],
        "RAYCE_DYNAMODB__SECRET_ACCESS_KEY": secrets[2],
        "RAYCE_PRIVACY__PSEUDONYM_KEYS": f"{{k1: '{secrets[3]}'}}",
    }
    settings = load_settings(environ=environ)
    shown = repr(settings) + rich.pretty.pretty_repr(settings)
    assert not [secret for secret in secrets if secret in shown]
