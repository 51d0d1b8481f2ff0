import pytest

from rayce.documents import RULES, activate_document
from rayce.errors import InvalidInput
from rayce.going_back import roll_back, were_live
from rayce.job_runs import Run, remember_run, runs_of
from rayce.stores.memory import MemoryDurable

NAME = "shop/shelf"


def filled(*, generations: int = 5, live: int = 4) -> MemoryDurable:
    durable = MemoryDurable()
    for n in range(generations):
        durable.publish(NAME, {"a": bytes([n])})
    durable.make_live(NAME, live)
    return durable


def test_without_a_number_it_is_the_newest_before_the_live_one() -> None:
    durable = filled()
    assert roll_back(durable, NAME, None) == (3, 4)
    assert durable.live() == {NAME: 3}
    assert roll_back(durable, NAME, None) == (2, 3)


def test_one_that_never_was_live_is_none_to_go_back_to() -> None:
    durable = filled()
    for number, code in ((2, 0), (3, 3)):
        made = Run("build", "shop", number).ended(number + 1, code, generation={NAME: number})
        remember_run(durable, made)
    assert were_live(runs_of(durable), NAME) == {2}
    assert roll_back(durable, NAME, None, were_live(runs_of(durable), NAME)) == (2, 4)


def test_with_a_number_it_is_that_one_also_a_newer_one() -> None:
    durable = filled()
    assert roll_back(durable, NAME, 1) == (1, 4)
    assert roll_back(durable, NAME, 5) == (5, 1)
    assert roll_back(durable, NAME, 5) == (5, 5)


@pytest.mark.parametrize("to", [0, 6, None])
def test_where_there_is_no_way_back_nothing_changes(to: int | None) -> None:
    durable = filled(live=1)
    with pytest.raises(InvalidInput):
        roll_back(durable, NAME, to)
    assert durable.live() == {NAME: 1}


def test_a_damaged_generation_does_not_go_live() -> None:
    class Damaged(MemoryDurable):
        def load_generation(self, name: str, number: int) -> dict[str, bytes]:
            if number == 3:
                raise InvalidInput("generation 3 is damaged")
            return super().load_generation(name, number)

    durable = Damaged()
    durable.__dict__.update(filled().__dict__)
    with pytest.raises(InvalidInput, match="damaged"):
        roll_back(durable, NAME, None)
    assert durable.live() == {NAME: 4}


@pytest.mark.parametrize("name", ["shop/ranker", "shop/purge", "_/segment-catalogue"])
def test_what_no_job_made_has_no_way_back_here(name: str) -> None:
    durable = MemoryDurable()
    if name != "shop/ranker":
        for _ in range(2):
            durable.make_live(name, durable.publish(name, {"a": b"x"}))
    with pytest.raises(InvalidInput, match=r"nothing of .* is live|no job has made"):
        roll_back(durable, name, None)


def test_a_document_goes_back_with_the_command_of_its_kind() -> None:
    durable = MemoryDurable()
    for text in ("a: 1", "a: 2"):
        activate_document(durable, "shop", RULES, text, lambda text: text, 1)
    with pytest.raises(InvalidInput, match="is a document"):
        roll_back(durable, "shop/rules", None)
    assert durable.live() == {"shop/rules": 2}


def test_the_store_knows_which_were_live_where_no_run_does() -> None:
    durable = filled(live=2)
    durable.make_live(NAME, 5)
    assert roll_back(durable, NAME, None) == (2, 5)


def test_one_that_is_not_complete_does_not_go_live() -> None:
    durable = filled()
    issued = durable.issue(NAME)
    with pytest.raises(InvalidInput, match="not kept"):
        roll_back(durable, NAME, issued)
    assert durable.live() == {NAME: 4}
