"""The ledger: how many events rayce accepted of each household, to check afterwards that each arrived exactly once."""

from msgspec import Struct


class Discrepancy(Struct, frozen=True):
    """Events that are missing from profiles and events that are there too often, summed over `households`."""

    households: int = 0
    lost: int = 0
    doubled: int = 0
    examples: list[str] = []


class Ledger:
    """Accepted events by user id.

    >>> ledger = Ledger()
    >>> for user in ("ada", "ada", "bob", "cyd"): ledger.accept(user)
    >>> ledger.compare({"ada": 1, "bob": 2, "cyd": 1})
    Discrepancy(households=3, lost=1, doubled=1, examples=['ada: 2 sent, 1 there', 'bob: 1 sent, 2 there'])
    """

    def __init__(self, accepted: dict[str, int] | None = None) -> None:
        self.accepted = dict(accepted or {})

    def accept(self, user_id: str, events: int = 1) -> None:
        """So many events more of this user are in the log."""
        self.accepted[user_id] = self.accepted.get(user_id, 0) + events

    def forget(self, user_id: str) -> None:
        """The user withdrew: nothing of it may be there any more."""
        self.accepted[user_id] = 0

    def count(self, user_id: str) -> int:
        """How many events of this user the profile should show."""
        return self.accepted.get(user_id, 0)

    def compare(self, found: dict[str, int]) -> Discrepancy:
        """What the profiles show against what was accepted."""
        lost = {user: self.count(user) - there for user, there in found.items() if there < self.count(user)}
        doubled = {user: there - self.count(user) for user, there in found.items() if there > self.count(user)}
        examples = [f"{user}: {self.count(user)} sent, {found[user]} there" for user in [*lost, *doubled][:5]]
        return Discrepancy(len(found), sum(lost.values()), sum(doubled.values()), examples)
