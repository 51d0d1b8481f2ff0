"""`POST /v1/decisions`: context → consent and segments → slots document → what each slot shows; told to the log of decisions.

Answered at the edge: one read of the person's flags, no hop. Where no store can tell who the person is, or nothing is allowed,
circumstances alone decide; a caller never sees a 5xx because a store died.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.priorities import Ticket, ticket_of
from deployments.edge.problems import Problem
from deployments.edge.requests import read_json, reply
from deployments.edge.schemas import DecideIn, Decisions, Rung, SlotDecision, WhyShown
from deployments.edge.scopes import READ
from deployments.edge.users import within_s
from rayce.circumstances import Circumstances, Words
from rayce.consent import PERSONALIZATION
from rayce.context import permitted
from rayce.decision import VERSION, Decision, hex_bits
from rayce.documents import SLOTS
from rayce.errors import RayceError
from rayce.segments.flags import unpack_flags
from rayce.slots.deciding import UNKNOWN_SLOT, Choice
from rayce.uuid7 import uuid7

GPC = ("gpc", "1")


class Known(NamedTuple):
    """What may be known of who asks: nobody has no pseudonym, no purposes and no segments."""

    person: str | None
    purposes: int
    bits: int
    rung: Rung


class Choices(NamedTuple):
    """What slots show, by which policy, of which generation of the slots document (0: none is live)."""

    by_slot: dict[str, Choice]
    policy_id: str
    generation: int


class Decided(NamedTuple):
    """What a slot shows, by which policy, under which id in the log ("" where there is no such slot)."""

    choice: Choice
    policy_id: str
    decision_id: str


NOBODY = Known(None, 0, 0, "live")


async def post_decisions(edge: Edge, caller: Caller, request: Request) -> Response:
    """For each slot the variant to show, why, and how probable it was; a slot that is not known has no variant. `explain`
    wants the scope `read`: it tells which audiences the user is in.
    """
    asked = await read_json(request, DecideIn, edge.settings.edge.max_body_bytes)
    if asked.explain and READ not in caller.scopes:
        raise Problem(403, f"with `explain` the API key needs the scope `{READ}`", "$.explain", True)
    now_ms = edge.now_ms() if asked.at is None else asked.at
    context = edge.contexts.of(request.scope, now_ms, asked.context)
    ticket, user = ticket_of(request.scope), asked.user_id
    known = NOBODY if user is None else await known_of(edge, caller.tenant, user, now_ms, ticket)
    found = decide(edge, caller.tenant, dict.fromkeys(asked.slots), context, known, now_ms)
    rung: Rung = known.rung if edge.live.looked else "global"
    decisions = {slot: _told(one, asked.explain) for slot, one in found.items()}
    body = Decisions(asked.user_id, decisions, rung, known.person is not None)
    return reply(body, headers={"rayce-served": rung, "cache-control": "private, no-store"})


async def known_of(edge: Edge, tenant: str, user: str, now_ms: int, ticket: Ticket) -> Known:
    """The user, as far as consent and stores allow; `global` where no store can tell in the time that the caller has."""
    person = edge.pseudonymizer.person(tenant, user)
    try:
        found = await edge.people.flags(person, ticket.within_s(within_s(edge), time.monotonic()))
    except RayceError:
        edge.metrics.add("rayce_failures_total", 1, "stores")
        return NOBODY._replace(rung="global")
    if not found.consent.allows(PERSONALIZATION):
        return NOBODY
    bits = unpack_flags(found.value, now_ms // 1000).mask(now_ms) if found.value is not None else 0
    return Known(person, found.consent.purposes, bits, "live")


def choose(edge: Edge, tenant: str, slots: Iterable[str], context: Words, known: Known, now_ms: int) -> Choices:
    """What the tenant's slots show, by the document that is live. It is told nowhere: a reply that many share (with `NOBODY`
    or the segments of a cohort) is no decision about anybody.
    """
    loaded = edge.live.get(tenant, SLOTS)
    if loaded is None:
        return Choices(dict.fromkeys(slots, UNKNOWN_SLOT), "", 0)
    bound = loaded.value.bound(edge.catalogue)
    found = {slot: bound.decide(Circumstances(slot, context), known.bits, known.person, now_ms) for slot in slots}
    return Choices(found, bound.policy, loaded.number)


def decide(
    edge: Edge, tenant: str, slots: Iterable[str], context: Words, known: Known, now_ms: int
) -> dict[str, Decided]:
    """The same for somebody who asks now: each decision is told to the log."""
    chosen = choose(edge, tenant, slots, context, known, now_ms)
    found = {}
    for slot, choice in chosen.by_slot.items():
        decision_id = str(uuid7(edge.now_ms())) if choice.variant is not None else ""
        found[slot] = decided = Decided(choice, chosen.policy_id, decision_id)
        if choice.variant is not None:
            edge.decisions.tell(_record(tenant, slot, decided, context, known, now_ms, chosen.generation))
    return found


def _record(
    tenant: str, slot: str, decided: Decided, context: Words, known: Known, now_ms: int, generation: int
) -> Decision:
    choice = decided.choice
    return Decision(
        version=VERSION,
        decision_id=decided.decision_id,
        kind="slot",
        tenant=tenant,
        at_ms=now_ms,
        person=known.person or "",
        purposes=permitted(known.purposes, GPC in context),
        slot=slot,
        context=dict(context),
        bits=hex_bits(known.bits),
        policy_id=decided.policy_id,
        rule=choice.rule,
        experiment=choice.experiment,
        arm=choice.arm,
        variant=choice.variant or "",
        arms=choice.arms,
        propensity=choice.propensity,
        generations={SLOTS: generation},
        rung=known.rung,
    )


def _told(decided: Decided, explain: bool) -> SlotDecision:
    choice = decided.choice
    return SlotDecision(
        variant=choice.variant,
        payload=choice.payload,
        reason=choice.reason,
        experiment=choice.experiment or None,
        arm=choice.arm or None,
        propensity=choice.propensity,
        policy_id=decided.policy_id,
        decision_id=decided.decision_id or None,
        explanation=WhyShown(choice.rule, choice.steps, choice.arms) if explain else UNSET,
    )
