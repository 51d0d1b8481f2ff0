"""The ranking models of a replica: each generation is tried before it ranks for anybody, and left again when it misbehaves.

A trial puts the questions that came last to both models (`rayce.model_trial`); the first model of all answers made-up rows. Who
does not pass is left aside with the reason and the former one stays. So it is when live scores turn out bad: the replica goes
back to the former generation by itself. The pointer is not touched: another replica finds out by itself, and a newer
generation is a new try.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog

from rayce.errors import InvalidInput, Unavailable
from rayce.generations import LiveGenerations, Loaded, Parse, generation_name
from rayce.metrics import Metrics
from rayce.model_routing import DEFAULT, KIND, kind_of
from rayce.model_trial import Scores, fault, is_finite, is_flat
from rayce.ranking import RANKING_FEATURES, Ranker
from rayce.stores.interfaces import DurableGenerations

log = structlog.get_logger(__name__)

KEPT_QUESTIONS = 4
"""Questions of a tenant that a trial is made with: together some milliseconds, once a generation."""
LOOK_BACK, MAX_ERRORS, MAX_FLAT = 100, 3, 50
"""Of the last so many rankings so many may fail, and so many may be without any difference."""
REMEMBERED = 32
"""Refused generations by model."""
NEWEST = 1 << 62
"""Above every generation."""

Score = Callable[[Ranker], Scores]
"""A question: the scores that a model gives to it."""
Refused = dict[str, str]
"""By model, its refused generation and why."""
Earlier = Callable[[str, int], Loaded | None]
"""By name of generations: the newest one before this number that can be loaded (blocking)."""


class _Held:
    """What is known of one model of one tenant."""

    def __init__(self) -> None:
        self.current: Loaded | None = None
        self.former: Loaded | None = None
        self.refused: dict[int, str] = {}
        self.outcomes: deque[str] = deque(maxlen=LOOK_BACK)

    def refuse(self, number: int, reason: str) -> None:
        if len(self.refused) >= REMEMBERED:
            self.refused.pop(next(iter(self.refused)))
        self.refused[number] = reason


class RankerModels:
    """Belongs to one thread: trials are made where the models are used, as a model is not to be shared."""

    def __init__(
        self,
        live: LiveGenerations,
        metrics: Metrics,
        more: Mapping[str, Ranker] | None = None,
        earlier: Earlier = lambda name, number: None,
    ) -> None:
        """`more` are models by name that are no generation. `earlier` is for a replica that starts while the live generation
        is not fit: it has no former one in memory.
        """
        self._live = live
        self._earlier = earlier
        self._metrics = metrics
        self._more = {name: Loaded(0, model) for name, model in (more or {}).items()}
        self._held: dict[tuple[str, str], _Held] = {}
        self._questions: dict[str, deque[Score]] = {}

    def get(self, tenant: str, name: str) -> Loaded | None:
        """The model that ranks now under this name, with its generation; None: none is live, or none is fit."""
        if name in self._more:
            return self._more[name]
        held = self._held.get((tenant, name))
        live = self._live.get(tenant, kind_of(name))
        if live is None:
            return held and held.current
        if held is None:
            held = self._held[tenant, name] = _Held()
        if (held.current is None or held.current.number != live.number) and live.number not in held.refused:
            self._try(tenant, name, held, live)
        return held.current

    def warm_up(self) -> None:
        """Try whatever is live now, so that no request does; and where it could not even be loaded, what was live before."""
        for generations in {*self._live.names(), *self._live.errors}:
            tenant, _, kind = generations.partition("/")
            if kind.partition(".")[0] != KIND:
                continue
            name = kind.partition(".")[2] or DEFAULT
            if self.get(tenant, name) is None and generations in self._live.errors:
                self._held.setdefault((tenant, name), _Held()).current = self._earlier(generations, NEWEST)

    def remember(self, tenant: str, question: Score) -> None:
        """A question for later trials."""
        self._questions.setdefault(tenant, deque(maxlen=KEPT_QUESTIONS)).append(question)

    def scored(self, tenant: str, name: str, scores: Scores) -> bool:
        """Whether these live scores can be used; if not, ask `get` again: there may be a former model now."""
        outcome = "" if not is_flat(scores) else "flat"
        if not is_finite(scores):
            outcome = "scores that are no numbers"
        self._note(tenant, name, outcome)
        return outcome in ("", "flat")

    def failed(self, tenant: str, name: str, error: Exception) -> None:
        """The model raised this."""
        held = self._held.get((tenant, name))
        if held is not None and not any(held.outcomes):  # once: a thousand tracebacks a second help nobody
            log.warning("model_failed", tenant=tenant, model=name, exc_info=error)
        self._note(tenant, name, f"{type(error).__name__} while scoring")

    def refused(self) -> Refused:
        """Models of which the live generation does not rank here, and why. Empty when all is well."""
        found = {}
        for (tenant, name), held in self._held.items():
            live = self._live.get(tenant, kind_of(name))
            generations = generation_name(tenant, kind_of(name))
            refused = held.refused.get(live.number) if live is not None else None
            reason = refused or self._live.errors.get(generations)
            if reason:
                which = f"generation {live.number}" if live is not None and refused else "the newest generation"
                ranks = f"generation {held.current.number} ranks" if held.current else "none ranks"
                found[f"{tenant}/{name}"] = f"{which} left aside, {ranks}: {reason}"
        return found

    def _try(self, tenant: str, name: str, held: _Held, live: Loaded) -> None:
        reason = self._fault(tenant, live.value, held.current.value if held.current else None)
        if reason:
            held.refuse(live.number, reason)
            self._tell(tenant, name, live.number, "refused", reason)
            if held.current is None:  # blocks for a moment, once: without a model this replica ranks for nobody anyway
                held.current = self._earlier(generation_name(tenant, kind_of(name)), live.number)
            return
        held.former, held.current = held.current, live
        held.outcomes.clear()

    def _fault(self, tenant: str, new: Ranker, former: Ranker | None) -> str:
        questions: Sequence[Score] = self._questions.get(tenant) or [_made_up]
        try:
            scores = [question(new) for question in questions]
        except Exception as error:  # whatever a damaged model does: it must not rank
            return f"{type(error).__name__} while scoring"
        return fault(scores, None if former is None else [question(former) for question in questions])

    def _note(self, tenant: str, name: str, outcome: str) -> None:
        held = self._held.get((tenant, name))
        if held is None or held.current is None:
            return
        held.outcomes.append(outcome)
        flat = held.outcomes.count("flat") if outcome else 0
        errors = sum(1 for each in held.outcomes if each) - flat if outcome else 0
        if held.former is not None and (errors > MAX_ERRORS or flat > MAX_FLAT):
            number, reason = held.current.number, outcome if errors > MAX_ERRORS else "every score is the same"
            held.refuse(number, reason)
            held.current, held.former = held.former, None
            held.outcomes.clear()
            self._tell(tenant, name, number, "returned", reason)

    def _tell(self, tenant: str, name: str, number: int, outcome: str, reason: str) -> None:
        self._metrics.add("rayce_models_left_total", 1, name, outcome)
        log.error("model_left", tenant=tenant, model=name, generation=number, outcome=outcome, reason=reason)


def earlier_in(durable: DurableGenerations, parse: Parse) -> Earlier:
    """Looks in durable memory; None where nothing is kept, can be read, or the store is away."""

    def earlier(name: str, number: int) -> Loaded | None:
        try:
            for before in reversed([each for each in durable.numbers(name) if each < number]):
                try:
                    return Loaded(before, parse(durable.load_generation(name, before)))
                except InvalidInput:
                    continue
        except Unavailable:
            pass
        return None

    return earlier


def _made_up(model: Ranker) -> Scores:
    """Scores of rows in the ranges that features have; some values are missing, as a price may be."""
    chance = np.random.default_rng(0)
    rows = chance.gamma(1.0, 5.0, (200, len(RANKING_FEATURES)))
    rows[chance.random(rows.shape) < 0.1] = 0.0
    rows[::20, RANKING_FEATURES.index("price")] = np.nan
    return model.score_many(rows)
