"""Documents: activated, taken up by whoever polls, refused without a trace, and taken back."""

import pytest

from rayce.documents import (
    DOCUMENT_FILE,
    MANIFEST_FILE,
    RULES,
    activate_document,
    document_parser,
    document_text,
    live_document,
    roll_back_document,
)
from rayce.errors import InvalidArtifact, InvalidDocument, InvalidInput
from rayce.generations import LiveGenerations, generation_name
from rayce.stores.memory import MemoryDurable

NAME = generation_name("shop", RULES)


def lines(text: str) -> list[str]:
    """A parser for tests: refuses what is empty."""
    if not text:
        raise InvalidDocument("empty", "text", text)
    return text.splitlines()


def activate(durable: MemoryDurable, text: str, now_ms: int = 0) -> int:
    return activate_document(durable, "shop", RULES, text, lines, now_ms)


def test_what_is_activated_is_taken_up_without_a_restart_and_by_its_tenant_only() -> None:
    durable = MemoryDurable()
    live = LiveGenerations(durable, {RULES: document_parser(lines)}, 60)
    live.refresh()
    assert live.get("shop", RULES) is None and document_text(durable, "shop", RULES) is None
    assert activate(durable, "a\nb") == 1
    live.refresh()
    loaded = live.get("shop", RULES)
    assert loaded is not None and loaded == (1, ["a", "b"])
    assert live.get("other", RULES) is None and document_text(durable, "other", RULES) is None


def test_a_document_says_since_when_it_is_live_and_what_was_before() -> None:
    durable = MemoryDurable()
    activate(durable, "one", 5)
    activate(durable, "two", 9)
    assert live_document(durable, "shop", RULES) == (2, "two", 9, 1)


def test_what_is_refused_leaves_no_trace() -> None:
    durable = MemoryDurable()
    activate(durable, "one")
    with pytest.raises(InvalidDocument):
        activate(durable, "")
    assert document_text(durable, "shop", RULES) == "one" and durable.numbers(NAME) == [1]


def test_the_way_back_leads_to_what_was_before_and_is_not_used_up_by_repeating() -> None:
    durable = MemoryDurable()
    activate(durable, "one")
    for _ in range(5):
        assert activate(durable, "two") == 2
    assert roll_back_document(durable, "shop", RULES, lines) == 1
    assert document_text(durable, "shop", RULES) == "one"
    with pytest.raises(InvalidInput, match="activate an empty one"):
        roll_back_document(durable, "shop", RULES, lines)


def test_after_a_way_back_the_next_way_back_does_not_lead_to_what_was_taken_back() -> None:
    durable = MemoryDurable()
    activate(durable, "one")
    activate(durable, "two")
    roll_back_document(durable, "shop", RULES, lines)
    activate(durable, "three")
    assert roll_back_document(durable, "shop", RULES, lines) == 1


def test_there_is_no_way_back_without_an_activation_or_to_what_is_no_longer_kept() -> None:
    durable = MemoryDurable()
    with pytest.raises(InvalidInput, match="no rules were activated"):
        roll_back_document(durable, "shop", RULES, lines)
    for text in "abcdefgh":
        activate(durable, text)
    durable.prune(NAME, 1)
    with pytest.raises(InvalidInput, match="no longer kept"):
        roll_back_document(durable, "shop", RULES, lines)


@pytest.mark.parametrize("files", [{}, {DOCUMENT_FILE: b"\xff", MANIFEST_FILE: b"{}"}, {DOCUMENT_FILE: b""}])
def test_a_damaged_document_is_told_left_aside_and_can_be_replaced(files: dict[str, bytes]) -> None:
    durable = MemoryDurable()
    durable.make_live(NAME, durable.publish(NAME, files))
    live = LiveGenerations(durable, {RULES: document_parser(lines)}, 60)
    live.refresh()
    assert live.get("shop", RULES) is None and NAME in live.errors
    with pytest.raises(InvalidArtifact):
        document_text(durable, "shop", RULES)
    assert activate(durable, "whole") == 2 and document_text(durable, "shop", RULES) == "whole"


def test_a_way_back_to_what_no_longer_holds_together_is_refused() -> None:
    durable = MemoryDurable()
    activate(durable, "one")
    activate(durable, "two")

    def strict(text: str) -> str:
        if text == "one":
            raise InvalidDocument("not any more", "text", text)
        return text

    with pytest.raises(InvalidArtifact):
        roll_back_document(durable, "shop", RULES, strict)
    assert document_text(durable, "shop", RULES) == "two"
