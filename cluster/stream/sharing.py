"""How partitions are shared out among workers: evenly, and moving as few as possible. A pure function."""

from collections.abc import Collection, Mapping
from typing import NamedTuple


class Claims(NamedTuple):
    """What a worker has: partitions it owns or was told to take (with the epoch, 0: not yet), and those it is releasing."""

    wanted: Mapping[int, int] = {}
    leaving: Collection[int] = ()


class Moves(NamedTuple):
    """What to tell the workers, by name. Nothing is taken that anybody still claims."""

    take: dict[str, list[int]]
    release: dict[str, list[int]]


def share_out(partitions: int, claims: Mapping[str, Claims], targets: Collection[str]) -> Moves:
    """What has to be said so that in the end `targets` own all, each as many as the others or one more.

    `claims` are those of everybody who may be alive, targets or not. Of two who claim one partition the higher epoch keeps it.

    >>> share_out(4, {"a": Claims({0: 1, 1: 1, 2: 1, 3: 1}), "b": Claims()}, ["a", "b"])
    Moves(take={}, release={'a': [2, 3]})
    >>> share_out(4, {"a": Claims({0: 1, 1: 1}, [2, 3]), "b": Claims()}, ["a", "b"])
    Moves(take={}, release={})
    >>> share_out(4, {"a": Claims({0: 1, 1: 1}), "b": Claims()}, ["a", "b"])
    Moves(take={'b': [2, 3]}, release={})
    """
    keeps, release = _settle_quarrels(partitions, claims)
    quotas = _quotas(partitions, {name: len(keeps[name]) for name in sorted(targets)})
    for name, kept in keeps.items():
        too_many = sorted(kept)[quotas.get(name, 0) :]
        if too_many:
            release[name] = sorted({*release.get(name, ()), *too_many})
    claimed = {number for claim in claims.values() for number in (*claim.wanted, *claim.leaving)}
    free = [number for number in range(partitions) if number not in claimed]
    take: dict[str, list[int]] = {}
    for name, quota in quotas.items():
        room = quota - len(keeps[name])
        if room > 0 and free:
            take[name], free = free[:room], free[room:]
    return Moves(take, release)


def _settle_quarrels(partitions: int, claims: Mapping[str, Claims]) -> tuple[dict[str, set[int]], dict[str, list[int]]]:
    """Who keeps what, and what has to be released because another one has it."""
    owner: dict[int, str] = {}
    for name in sorted(claims):
        for number, epoch in claims[name].wanted.items():
            rival = owner.get(number)
            if rival is None or claims[rival].wanted[number] < epoch:
                owner[number] = name
    keeps: dict[str, set[int]] = {name: set() for name in claims}
    release: dict[str, list[int]] = {}
    for name, claim in claims.items():
        for number in claim.wanted:
            if owner[number] == name and number < partitions:
                keeps[name].add(number)
            else:
                release.setdefault(name, []).append(number)
    return keeps, release


def _quotas(partitions: int, loads: Mapping[str, int]) -> dict[str, int]:
    """How many each may have. Who has most now gets the odd ones: then fewest have to move."""
    if not loads:
        return {}
    each, odd = divmod(partitions, len(loads))
    by_load = sorted(loads, key=lambda name: (-loads[name], name))
    return {name: each + (place < odd) for place, name in enumerate(by_load)}
