"""What is known of a user, and what the user allows: segments, lookup, profile, consent."""

import asyncio

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import path_id, read_json, read_query, reply
from deployments.edge.schemas import (
    BoughtOut,
    ConsentIn,
    ConsentOut,
    Lookup,
    LookupIn,
    LookupRow,
    Moment,
    ProfileOut,
    Rung,
    Segments,
)
from rayce.consent import PURPOSES, UNKNOWN, Consent
from rayce.errors import Unavailable
from rayce.event import CONSENT_CHANGED, VERSION, Event, encode_event
from rayce.features.feature_set import FeatureSet
from rayce.people import NOBODY, Person
from rayce.profile import Profile, decode_profile
from rayce.segments.catalogue import Catalogue
from rayce.segments.flags import unpack_flags
from rayce.stores.interfaces import EVENTS
from rayce.uuid7 import uuid7

MAX_USER_ID = 256


class AsOf(Struct, frozen=True, forbid_unknown_fields=True):
    """Query: the moment to answer for."""

    at: Moment | None = None


async def segments_of(edge: Edge, caller: Caller, user: str, now_ms: int) -> tuple[Segments, Rung]:
    """The reply and its rung; shared by the fast path of `deployments.edge.front` and `deployments.edge.explaining`."""
    catalogue = edge.catalogue
    try:
        found = await edge.people.flags(edge.pseudonymizer.person(caller.tenant, user), within_s(edge))
    except Unavailable:
        return Segments(user, [], [], catalogue.version, None), "global"
    row = _row(found, catalogue, now_ms)
    if row is None:
        raise unknown_user(user)
    return Segments(user, row.segments, row.bits, catalogue.version, row.age_s), "live"


async def lookup_segments(edge: Edge, caller: Caller, request: Request) -> Response:
    """Segments of many users: null where nothing may be known."""
    limits = edge.settings.edge
    asked = await read_json(request, LookupIn, limits.max_body_bytes)
    if len(asked.user_ids) > limits.max_lookup_users:
        raise Problem(422, f"$.user_ids: at most {limits.max_lookup_users} users", "$.user_ids", len(asked.user_ids))
    now_ms = edge.now_ms() if asked.at is None else asked.at
    persons = [edge.pseudonymizer.person(caller.tenant, user) for user in asked.user_ids]
    found = await asyncio.gather(*(_flags_or_nobody(edge, person) for person in persons))
    catalogue = edge.catalogue
    rows = {user: _row(person, catalogue, now_ms) for user, person in zip(asked.user_ids, found, strict=True)}
    return reply(Lookup(rows, catalogue.version))


async def _flags_or_nobody(edge: Edge, person: str) -> Person:
    try:
        return await edge.people.flags(person, within_s(edge))
    except Unavailable:
        return NOBODY


async def get_profile(edge: Edge, caller: Caller, request: Request) -> Response:
    """Features and their age; 404 where nothing may be known of the user."""
    user = path_id(request, "user_id", MAX_USER_ID)
    asked = read_query(request, AsOf)
    found = await edge.people.state(edge.pseudonymizer.person(caller.tenant, user))
    if found.consent is UNKNOWN or found.value is None:
        raise unknown_user(user)
    now_ms = edge.now_ms() if asked.at is None else asked.at
    return reply(_profile(user, decode_profile(found.value), edge.features, now_ms))


async def put_consent(edge: Edge, caller: Caller, request: Request) -> Response:
    """In force once answered: durable, then hot, then in the log so that the fold agrees."""
    user = path_id(request, "user_id", MAX_USER_ID)
    allowed = await read_json(request, ConsentIn, edge.settings.edge.max_body_bytes)
    purposes = sum(bit for name, bit in PURPOSES.items() if getattr(allowed, name))
    person = edge.pseudonymizer.person(caller.tenant, user)
    known = await edge.people.consent(person)
    consent = Consent(purposes, max(edge.now_ms(), known.changed_ms + 1))  # the last word counts, whose clock it is by
    await edge.people.put_consent(person, consent, caller.tenant)
    event = Event(
        version=VERSION,
        event_id=str(uuid7(consent.changed_ms)),
        type=CONSENT_CHANGED,
        tenant=caller.tenant,
        person=person,
        timestamp_ms=consent.changed_ms,
        consent=purposes,
    )
    await edge.log.write(EVENTS, [(person, encode_event(event))])
    return reply(_consent(user, consent))


async def get_consent(edge: Edge, caller: Caller, request: Request) -> Response:
    """The record; 404 where none was given."""
    user = path_id(request, "user_id", MAX_USER_ID)
    found = await edge.people.consent(edge.pseudonymizer.person(caller.tenant, user))
    if found is UNKNOWN:
        raise unknown_user(user)
    return reply(_consent(user, found))


def within_s(edge: Edge) -> float:
    """How long a reply may wait for durable memory."""
    return edge.settings.edge.read_deadline_ms / 1000


def unknown_user(user: str) -> Problem:
    """404: who is not known, and who does not allow to be known, look the same."""
    return Problem(404, "nothing is known of this user: no event yet, no such user, or no consent", "user_id", user)


def _row(found: Person, catalogue: Catalogue, now_ms: int) -> LookupRow | None:
    if found.value is None:
        return None
    flags = unpack_flags(found.value, now_ms // 1000)
    names = catalogue.names
    bits = [bit for bit in flags.bits(now_ms) if bit in names]
    return LookupRow([names[bit] for bit in bits], bits, max(0.0, now_ms / 1000 - flags.as_of_s))


def _profile(user: str, profile: Profile, features: FeatureSet, now_ms: int) -> ProfileOut:
    bought = sorted(profile.bought.items(), key=lambda entry: (-entry[1].weight, entry[0]))
    return ProfileOut(
        user_id=user,
        events=profile.events,
        features={name: round(read(profile, now_ms), 4) for name, read in features.numbers.items()},
        words={name: read(profile, now_ms) for name, read in features.words.items()},
        session_items=list(profile.session.items),
        cart={item: quantity for item, (quantity, _price) in profile.cart.items()},
        bought=[BoughtOut(item, had.count, had.first_ms, had.last_ms) for item, had in bought],
        scores=profile.scores,
        age_s=max(0.0, (now_ms - profile.last_ms) / 1000),
    )


def _consent(user: str, consent: Consent) -> ConsentOut:
    allowed = {name: consent.allows(bit) for name, bit in PURPOSES.items()}
    return ConsentOut(user_id=user, changed_ms=consent.changed_ms, **allowed)
