"""`DurableNotes`: remembered by book and key, replaced as a whole."""

import pytest

from rayce.stores.interfaces import MAX_NOTE_BYTES, Durable


def test_a_book_is_empty_at_first(durable: Durable, name: str) -> None:
    assert durable.load_notes(name) == {}


def test_notes_come_back_as_they_were_last_saved(durable: Durable, name: str) -> None:
    durable.save_note(name, "shop/train", b"1")
    durable.save_note(name, "shop/build", bytes(range(256)))
    durable.save_note(name, "shop/train", b"")
    assert durable.load_notes(name) == {"shop/build": bytes(range(256)), "shop/train": b""}


def test_one_books_notes_are_not_anothers(durable: Durable, name: str) -> None:
    durable.save_note(name, "a", b"1")
    assert durable.load_notes(name + "-other") == {}
    assert durable.numbers(name) == []
    assert name not in durable.live(name)


def test_a_book_of_many_large_notes_comes_back_whole(durable: Durable, name: str) -> None:
    notes = {f"key-{n}": bytes([n]) * 250_000 for n in range(6)}
    for key, body in notes.items():
        durable.save_note(name, key, body)
    assert durable.load_notes(name) == notes


def test_a_note_that_is_too_large_is_refused(durable: Durable, name: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        durable.save_note(name, "a", bytes(MAX_NOTE_BYTES + 1))
    assert durable.load_notes(name) == {}
