"""What a recommendation is asked for, and what came of it: the ladder's question and answer."""

from collections.abc import Sequence
from typing import NamedTuple

from deployments.edge.priorities import Ticket
from deployments.edge.schemas import Rung
from rayce.candidates import Wish
from rayce.circumstances import Circumstances
from rayce.ranking import Ranked


class Question(NamedTuple):
    """Who asks for what, from where, as of when; and how much it matters."""

    tenant: str
    person: str | None
    """None: nobody. Whoever it is, without consent nothing of the person is read."""
    circumstances: Circumstances
    wish: Wish
    now_ms: int
    ticket: Ticket = Ticket()
    explain: bool = False
    pool: bool = False
    """Whether all candidates are wanted, for the log of decisions."""


class Answer(NamedTuple):
    """The items, the rung they stand on, whether they knew the person, and what made them.

    `bits` are the segments in force, in hexadecimal; `model` with its generation, "" where none ranked; times in ms.
    """

    rung: Rung
    items: Sequence[Ranked]
    personal: bool
    purposes: int = 0
    bits: str = ""
    model: str = ""
    model_generation: int = 0
    rules: int = 0
    pool: Sequence[tuple[str, float]] = ()
    read_ms: float = 0.0
    rank_ms: float = 0.0
