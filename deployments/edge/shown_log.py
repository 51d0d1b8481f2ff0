"""What a recommendation has shown, told to the log of decisions: microseconds, and no reply waits for it."""

from collections.abc import Mapping
from math import prod

from deployments.edge.edge import Edge
from deployments.edge.question import Answer, Question
from rayce.context import permitted
from rayce.decision import VERSION, Decision, ShownItem

GPC = ("gpc", "1")


def tell_shown(
    edge: Edge, question: Question, answer: Answer, decision_id: str, generations: Mapping[str, int]
) -> None:
    """Who may not be known is nobody in it: no pseudonym, no segments, no purposes."""
    context = question.circumstances.context
    tried = [item.propensity for item in answer.items if item.propensity < 1.0]
    edge.decisions.tell(
        Decision(
            version=VERSION,
            decision_id=decision_id,
            kind="recommendation",
            tenant=question.tenant,
            at_ms=question.now_ms,
            person=question.person or "" if answer.personal else "",
            purposes=permitted(answer.purposes, GPC in context) if answer.personal else 0,
            slot=question.circumstances.slot,
            context=dict(context),
            bits=answer.bits if answer.personal else "",
            policy_id=f"{answer.model}@{answer.model_generation}+rules@{answer.rules}",
            shown=tuple(
                ShownItem(item.item_id, item.score, item.source, item.is_tried, item.propensity)
                if item.propensity < 1.0
                else ShownItem(item.item_id, item.score, item.source, item.is_tried)
                for item in answer.items
            ),
            pool=tuple(answer.pool),
            generations=dict(generations),
            rung=answer.rung,
            **({"propensity": prod(tried)} if tried else {}),
        )
    )
