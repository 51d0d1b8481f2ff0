"""Sharing out: every partition comes to one worker, evenly, and no more of them move than have to."""

from hypothesis import given
from hypothesis import strategies as st

from cluster.stream.sharing import Claims, share_out

NAMES = [f"w{n}" for n in range(6)]


@st.composite
def clusters(draw: st.DrawFn) -> tuple[int, dict[str, Claims], list[str]]:
    """Partitions, who claims what (even twice), and who shall have some."""
    partitions = draw(st.integers(1, 24))
    numbers = st.integers(0, partitions - 1)
    claims = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        wanted = draw(st.dictionaries(numbers, st.integers(0, 9), max_size=partitions))
        leaving = draw(st.lists(numbers, max_size=2, unique=True))
        claims[name] = Claims(wanted, [number for number in leaving if number not in wanted])
    return partitions, claims, draw(st.lists(st.sampled_from(sorted(claims)), min_size=1, unique=True))


def followed(claims: dict[str, Claims], take: dict[str, list[int]], release: dict[str, list[int]]) -> dict[str, Claims]:
    """After the workers have done what they were told."""
    after = {}
    for name, claim in claims.items():
        wanted = {n: e for n, e in claim.wanted.items() if n not in release.get(name, [])}
        after[name] = Claims({**wanted, **dict.fromkeys(take.get(name, []), 10)})
    return after


@given(clusters())
def test_in_the_end_the_targets_own_all_evenly(cluster: tuple[int, dict[str, Claims], list[str]]) -> None:
    partitions, claims, targets = cluster
    for _round in range(4):
        moves = share_out(partitions, claims, targets)
        claims = followed(claims, *moves)
    assert share_out(partitions, claims, targets) == ({}, {}), "and then it is quiet"
    owned = sorted(number for claim in claims.values() for number in claim.wanted)
    assert owned == list(range(partitions))
    loads = [len(claims[name].wanted) for name in targets]
    assert max(loads) - min(loads) <= 1


@given(clusters())
def test_nothing_is_taken_that_somebody_still_claims(cluster: tuple[int, dict[str, Claims], list[str]]) -> None:
    partitions, claims, targets = cluster
    moves = share_out(partitions, claims, targets)
    taken = [number for numbers in moves.take.values() for number in numbers]
    claimed = {number for claim in claims.values() for number in (*claim.wanted, *claim.leaving)}
    assert len(taken) == len(set(taken)) and not claimed & set(taken)
    assert set(moves.take) <= set(targets)


@given(st.integers(1, 40), st.integers(1, 12))
def test_one_worker_more_moves_only_its_share_and_one_fewer_only_the_others(partitions: int, workers: int) -> None:
    names = [f"w{n:02}" for n in range(workers)]
    claims = {name: Claims() for name in names}
    claims = followed(claims, *share_out(partitions, claims, names))
    more = {**claims, "x": Claims()}
    moves = share_out(partitions, more, [*names, "x"])
    assert sum(map(len, moves.release.values())) == partitions // (workers + 1)
    assert moves.take == {}
    if workers > 1:
        moves = share_out(partitions, claims, names[1:])
        assert moves.release in ({}, {names[0]: sorted(claims[names[0]].wanted)})


def test_of_two_owners_the_one_with_the_higher_epoch_keeps_it() -> None:
    claims = {"a": Claims({0: 4}), "b": Claims({0: 5, 1: 1})}
    assert share_out(2, claims, ["b"]) == ({}, {"a": [0]})


def test_without_workers_nothing_is_said() -> None:
    assert share_out(4, {}, []) == ({}, {})


def test_what_is_being_released_is_not_asked_for_again() -> None:
    claims = {"a": Claims({0: 1}, [1]), "b": Claims()}
    assert share_out(2, claims, ["a", "b"]) == ({}, {})
