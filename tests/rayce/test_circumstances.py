"""Circumstances: named words, hashable."""

from rayce.circumstances import Circumstances, words


def test_equal_circumstances_are_equal_however_they_were_said() -> None:
    one, other = words({"device": "phone", "country": "DE"}), words({"country": "DE", "device": "phone", "browser": ""})
    assert Circumstances("home", one) == Circumstances("home", other)
    assert hash(Circumstances("home", one)) == hash(Circumstances("home", other))


def test_a_word_that_is_not_known_is_empty() -> None:
    here = Circumstances("home", words({"device": "phone"}))
    assert (here.word("device"), here.word("country")) == ("phone", "")
