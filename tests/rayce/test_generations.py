"""Live generations: swapped as a whole; one that cannot be loaded is left aside and the former one stays."""

from collections.abc import Mapping

from rayce.errors import InvalidArtifact
from rayce.flip import Flip
from rayce.generations import LiveGenerations, generation_name
from rayce.stores.memory import MemoryDurable
from tests.cluster.stream.world import wait_until

NAME = generation_name("shop", "shelf")


def parse(files: Mapping[str, bytes]) -> str:
    """The text of the one file; `bad` cannot be read, `worse` is a bug."""
    text = files["text"].decode()
    if text == "bad":
        raise InvalidArtifact("damaged", "text", text)
    if text == "worse":
        raise ZeroDivisionError("in the parser")
    return text


def live_of(durable: MemoryDurable) -> LiveGenerations:
    return LiveGenerations(durable, {"shelf": parse, "lists": None, "segment-model": parse}, 60)


def publish(durable: MemoryDurable, text: str, name: str = NAME) -> int:
    number = durable.publish(name, {"text": text.encode()})
    durable.make_live(name, number)
    return number


def test_nothing_is_live_before_something_is_published() -> None:
    live = live_of(MemoryDurable())
    live.refresh()
    assert live.get("shop", "shelf") is None
    assert live.numbers("shop") == {}


def test_what_is_published_is_live_after_the_next_look() -> None:
    durable = MemoryDurable()
    live = live_of(durable)
    publish(durable, "one")
    live.refresh()
    assert live.get("shop", "shelf") == (1, "one")
    publish(durable, "two")
    assert live.get("shop", "shelf") == (1, "one")
    live.refresh()
    assert live.get("shop", "shelf") == (2, "two")
    durable.make_live(NAME, 1)
    live.refresh()
    assert live.get("shop", "shelf") == (1, "one")


def test_a_generation_that_cannot_be_loaded_is_left_aside_with_its_reason() -> None:
    durable = MemoryDurable()
    live = live_of(durable)
    publish(durable, "one")
    live.refresh()
    for text in ("bad", "worse"):
        publish(durable, text)
        live.refresh()
        assert live.get("shop", "shelf") == (1, "one")
        assert live.errors[NAME]
    assert "ZeroDivisionError: in the parser" in live.errors[NAME]
    publish(durable, "four")
    live.refresh()
    assert live.get("shop", "shelf") == (4, "four") and live.errors == {}


def test_one_bad_generation_does_not_keep_the_others_back() -> None:
    durable = MemoryDurable()
    live = live_of(durable)
    publish(durable, "worse", generation_name("a", "shelf"))
    publish(durable, "fine", generation_name("b", "shelf"))
    live.refresh()
    assert live.get("a", "shelf") is None
    assert live.get("b", "shelf") == (1, "fine")


def test_a_refused_generation_is_not_loaded_again_and_again() -> None:
    durable = MemoryDurable()
    asked: list[int] = []
    durable.load_generation = lambda name, number: asked.append(number) or {"text": b"bad"}  # type: ignore[method-assign,assignment,func-returns-value]
    durable._live[NAME] = 7
    live = live_of(durable)
    for _ in range(3):
        live.refresh()
    assert asked == [7]


def test_while_the_store_is_away_all_stays_as_it_is() -> None:
    durable = MemoryDurable()
    live = live_of(durable)
    publish(durable, "one")
    live.refresh()
    durable.away = True
    live.refresh()
    assert live.get("shop", "shelf") == (1, "one")
    assert "unavailable" in live.errors[""]
    durable.away = False
    live.refresh()
    assert live.errors == {}


def test_a_store_that_goes_away_in_between_is_asked_again() -> None:
    durable = MemoryDurable()
    publish(durable, "one")
    live = live_of(durable)
    pointers = durable.live()
    durable.away = True
    durable.live = lambda prefix="": pointers  # type: ignore[method-assign]
    live.refresh()
    assert live.get("shop", "shelf") is None
    durable.away = False
    live.refresh()
    assert live.get("shop", "shelf") == (1, "one")


def test_a_kind_without_a_parser_is_known_by_number_only_and_others_not_at_all() -> None:
    durable = MemoryDurable()
    for kind in ("lists", "unheard-of", "segment-model.buys"):
        publish(durable, "x", generation_name("shop", kind))
    live = live_of(durable)
    live.refresh()
    assert live.numbers("shop") == {"lists": 1, "segment-model.buys": 1}
    assert live.get("shop", "lists") == (1, None)


def test_tenants_do_not_see_each_others() -> None:
    durable = MemoryDurable()
    publish(durable, "one", generation_name("shop", "shelf"))
    publish(durable, "two", generation_name("shop2", "shelf"))
    live = live_of(durable)
    live.refresh()
    assert live.numbers("shop") == {"shelf": 1}
    assert live.get("shop2", "shelf") == (1, "two")
    assert live.get("sho", "shelf") is None


def test_the_background_thread_ends_when_told() -> None:
    live = live_of(MemoryDurable())
    live.start()
    live.stop()
    live._thread.join(5)
    assert not live._thread.is_alive()


def flip(name: str = NAME, number: int = 1) -> Flip:
    return Flip(name, number, 0)


def test_who_is_told_of_a_flip_looks_at_once() -> None:
    durable = MemoryDurable(lambda name, number: live.heard([flip(name, number)]))
    live = live_of(durable)  # which looks by itself once a minute
    swapped: list[str] = []
    live.watch(swapped.append)
    live.start()
    for text in ("one", "two"):
        publish(durable, text)
        wait_until(lambda text=text: (found := live.get("shop", "shelf")) is not None and found.value == text)  # type: ignore[misc]
    durable.make_live(NAME, 1)
    wait_until(lambda: live.get("shop", "shelf") == (1, "one"))
    live.stop()
    assert swapped == [NAME] * 3


def test_who_is_cut_off_keeps_what_it_has_and_says_how_old_that_is_and_what_it_misses() -> None:
    durable, now_s = MemoryDurable(), [100.0]
    live = LiveGenerations(durable, {"shelf": parse}, 60, lambda: now_s[0])
    assert live.age_s() is None
    publish(durable, "one")
    live.refresh()
    durable.away = True
    now_s[0] += 30
    live.heard([flip(number=2), flip("shop/unheard-of")])
    live.refresh()
    assert (live.get("shop", "shelf"), live.age_s(), live.behind()) == ((1, "one"), 30.0, [NAME])
    durable.away = False
    live.refresh()
    assert (live.age_s(), live.behind()) == (0.0, [])


def test_a_generation_is_used_as_it_was_finished_and_as_it_is_revised_until_another_comes() -> None:
    durable = MemoryDurable()
    live = live_of(durable)
    live.finish("shelf", lambda name, text: f"{name}: {text}")
    told: list[str] = []
    live.watch(told.append)
    publish(durable, "one")
    live.refresh()
    assert live.get("shop", "shelf") == (1, f"{NAME}: one")
    assert live.revise(NAME, lambda text: text + "!") and live.get("shop", "shelf") == (1, f"{NAME}: one!")
    assert not live.revise(NAME, lambda text: text) and not live.revise("shop/nothing", lambda text: "x")
    assert told == [NAME, NAME], "nobody is told of what was not swapped"
    live.refresh()
    assert live.get("shop", "shelf") == (1, f"{NAME}: one!"), "a look at the pointers takes nothing back"
    publish(durable, "two")
    live.refresh()
    assert live.get("shop", "shelf") == (2, f"{NAME}: two")
