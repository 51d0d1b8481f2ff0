"""The guide (docs/decisions-api.md): its document holds together, its record decodes, its words are the code's."""

import re
from pathlib import Path
from typing import get_args

import msgspec

from deployments.edge.schemas import DecideIn, Decisions
from rayce.decision import Decision, decode_decision
from rayce.ingest import EventIn
from rayce.segments.catalogue import load_catalogue
from rayce.slots.book import parse_slots
from rayce.slots.deciding import Passed, Reason

GUIDE = (Path(__file__).parents[3] / "docs" / "decisions-api.md").read_text(encoding="utf-8")
JSON = re.findall(r"^```json\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_its_document_holds_together() -> None:
    (document,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    book = parse_slots(document)
    book.check_segments(load_catalogue())
    assert [slot.name for slot in book.slots] == ["home_hero"]


def test_its_json_is_what_is_sent_and_got() -> None:
    asked, replied, impression, record = JSON
    msgspec.json.decode(asked, type=DecideIn)
    msgspec.json.decode(replied, type=Decisions)
    msgspec.json.decode(impression, type=EventIn)
    assert decode_decision(record.encode()).arms[1].propensity == decode_decision(record.encode()).propensity


def test_every_field_and_word_is_explained() -> None:
    explained = set(re.findall(r"`(\w+)`", GUIDE))
    assert {field.name for field in msgspec.structs.fields(Decision)} - {"tenant", "decision_id"} <= explained
    assert {*get_args(Reason), *get_args(Passed)} <= explained
