"""`…/recommendations` and `/v1/rank`: wish → cache → consent and profile → candidates, ranking and rules, or the next rung.

A reply is kept for who asks again in the same circumstances, until anything it says may have changed (`reply_cache`). What was
shown is told to the log of decisions, once for each reply that is made.
"""

from collections.abc import Sequence

from msgspec import UNSET, Struct
from msgspec.structs import replace
from starlette.requests import Request

from deployments.edge.callers import Caller
from deployments.edge.conditional import Headers, Personal, caching_headers, etag_of, is_known, not_modified
from deployments.edge.edge import Edge
from deployments.edge.ladder import Ladder
from deployments.edge.priorities import ticket_of
from deployments.edge.problems import Problem
from deployments.edge.question import Answer, Question
from deployments.edge.raw_reply import NOT_MODIFIED, RawReply
from deployments.edge.reply_cache import Entry, Made, Tag
from deployments.edge.requests import encode, path_id, read_json, read_query
from deployments.edge.schemas import Limit, RankedItems, RankIn, Recommendations, Recommended, RecommendIn, Slot
from deployments.edge.scopes import READ
from deployments.edge.shown_log import tell_shown
from deployments.edge.users import MAX_USER_ID
from rayce.candidates import Wish
from rayce.circumstances import Circumstances
from rayce.decision import is_pooled
from rayce.documents import MODELS, RULES
from rayce.event import Moment
from rayce.generations import generation_name
from rayce.item_words import SHELF
from rayce.model_routing import KIND as RANKER
from rayce.model_routing import kind_of
from rayce.pseudonym import digest_of
from rayce.uuid7 import uuid7

KINDS = (SHELF, "popular", "lists", RANKER, MODELS, RULES)
"""Generations that a reply depends on."""
LOWER_KEPT_S = 1.0
"""How long nobody's reply from a lower rung is given again: enough against a herd, and over as soon as the ranker is back."""
OLD_POLLS, OLD_S = 3, 10
"""Knowledge of what is live that is older than so many polls and seconds is told with the reply."""


class RecommendQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of the GET form."""

    slot: Slot = "default"
    limit: Limit = 10
    explain: bool = False
    at: Moment | None = None


class Recommender:
    """All forms of the call over one ladder."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder

    async def get_recommendations(self, edge: Edge, caller: Caller, request: Request) -> RawReply:
        """For a user, by path."""
        user = path_id(request, "user_id", MAX_USER_ID)
        asked = read_query(request, RecommendQuery) if request.scope["query_string"] else RecommendQuery()
        wish = RecommendIn(user_id=user, slot=asked.slot, limit=asked.limit, explain=asked.explain, at=asked.at)
        return await self._reply(edge, caller, request, wish)

    async def post_recommendations(self, edge: Edge, caller: Caller, request: Request) -> RawReply:
        """With everything a page may know."""
        wish = await read_json(request, RecommendIn, edge.settings.edge.max_body_bytes)
        return await self._reply(edge, caller, request, wish)

    async def post_rank(self, edge: Edge, caller: Caller, request: Request) -> RawReply:
        """The caller's own items in the order for a user; what may not be shown, or is not known, is in `left_out`."""
        asked = await read_json(request, RankIn, edge.settings.edge.max_body_bytes)
        wish = RecommendIn(
            user_id=asked.user_id,
            slot=asked.slot,
            candidates=asked.items,
            context=asked.context,
            explain=asked.explain,
            at=asked.at,
        )
        question = replace_limit(self._question(edge, caller, request, wish), len(asked.items))
        answer = await self._ladder.climb(question)
        edge.metrics.add("rayce_served_total", 1, answer.rung)
        items = _items(answer, asked.explain)
        ranked = {item.item_id for item in items}
        left_out = [item for item in dict.fromkeys(asked.items) if item not in ranked]
        body = encode(
            RankedItems(asked.user_id, asked.slot, items, left_out, answer.rung, answer.personal, answer.model)
        )
        return _sent(body, _headers(body, answer), answer)

    async def _reply(self, edge: Edge, caller: Caller, request: Request, asked: RecommendIn) -> RawReply:
        question = self._question(edge, caller, request, asked)
        if edge.caches is None or asked.explain or asked.at is not None:
            answer, made = await self._made(edge, question, asked)
            edge.metrics.add("rayce_served_total", 1, answer.rung)
            return _sent(made.body, made.headers, answer)
        answers: list[Answer] = []

        async def load() -> Made:
            answer, made = await self._made(edge, question, asked)
            answers.append(answer)
            return made

        caches, ttl = edge.caches, edge.settings.cache
        entry = await caches.replies.get(
            _key(question),
            _tags(edge, question),
            load,
            ttl.personal_ttl_s if question.person is not None else ttl.cohort_ttl_s,
            ttl.stale_s,
        )
        edge.metrics.add("rayce_served_total", 1, entry.rung)
        known = request.headers.get("if-none-match") if request.method == "GET" else None
        return _given(entry, answers[0] if answers else None, known)

    def _question(self, edge: Edge, caller: Caller, request: Request, asked: RecommendIn) -> Question:
        if asked.explain and READ not in caller.scopes:  # reasons tell what the user has bought
            raise Problem(403, f"with `explain` the API key needs the scope `{READ}`", "explain", True)
        now_ms = edge.now_ms() if asked.at is None else asked.at
        wish = Wish(
            limit=asked.limit,
            exclude=asked.exclude,
            categories=asked.categories,
            candidates=asked.candidates,
            session_items=asked.session_items,
            suppress_s=edge.settings.serving.suppress_purchased_s,
        )
        return Question(
            tenant=caller.tenant,
            person=edge.pseudonymizer.person(caller.tenant, asked.user_id) if asked.user_id is not None else None,
            circumstances=Circumstances(asked.slot, edge.contexts.of(request.scope, now_ms, asked.context)),
            wish=wish,
            now_ms=now_ms,
            ticket=ticket_of(request.scope),
            explain=asked.explain,
        )

    async def _made(self, edge: Edge, question: Question, asked: RecommendIn) -> tuple[Answer, Made]:
        decision_id = str(uuid7(edge.now_ms()))
        pooled = is_pooled(decision_id, edge.settings.decisions.pool_one_in)
        answer = await self._ladder.climb(question._replace(pool=pooled))
        generations = edge.live.numbers(question.tenant)
        tell_shown(edge, question, answer, decision_id, generations)
        body = encode(
            Recommendations(
                asked.user_id,
                asked.slot,
                _items(answer, asked.explain),
                answer.rung,
                answer.personal,
                generations,
                decision_id,
                answer.model,
            )
        )
        return answer, Made(
            body, (*_headers(body, answer), *_age(edge)), answer.rung, _kept_at_most_s(question, answer)
        )


def replace_limit(question: Question, limit: int) -> Question:
    """The question with another limit: a caller's own items are all wanted back."""
    return question._replace(wish=replace(question.wish, limit=limit))


def _items(answer: Answer, explain: bool) -> list[Recommended]:
    if not explain:
        return [Recommended(item.item_id, item.score) for item in answer.items]
    return [
        Recommended(
            item_id=item.item_id,
            score=item.score,
            source=item.source,
            because=item.because,
            rules=item.rules,
            after_rules=item.score if item.after_rules is None else item.after_rules,
            factors=UNSET if item.factors is None else item.factors,
        )
        for item in answer.items
    ]


def _key(question: Question) -> tuple[object, ...]:
    wish = question.wish
    return (
        question.tenant,
        question.person,
        question.circumstances,
        wish.limit,
        wish.exclude,
        wish.categories,
        wish.candidates,
        wish.session_items,
    )


def _tags(edge: Edge, question: Question) -> Sequence[Tag]:
    tags: list[Tag] = [generation_name(question.tenant, kind) for kind in KINDS]
    routing = edge.live.get(question.tenant, MODELS)
    if routing is not None:
        tags += [generation_name(question.tenant, kind_of(portion.model)) for portion in routing.value.split]
    if question.person is not None:
        tags.append(digest_of(question.person))
    return tags


def _kept_at_most_s(question: Question, answer: Answer) -> float:
    if answer.rung == "live":
        return float("inf")
    return LOWER_KEPT_S if question.person is None and answer.items else 0.0


def _headers(body: bytes, answer: Answer) -> Headers:
    return (
        (b"rayce-served", answer.rung.encode()),
        (b"content-type", b"application/json"),
        *caching_headers(Personal(), body),
    )


def _age(edge: Edge) -> Headers:
    """How old the knowledge of what is live is, where it is older than it should be: this replica is cut off."""
    age_s, poll_s = edge.live.age_s(), edge.settings.serving.generation_poll_s
    if age_s is not None and age_s <= OLD_POLLS * poll_s + OLD_S:
        return ()
    return ((b"rayce-knowledge-age", b"unknown" if age_s is None else b"%d" % int(age_s)),)


def _sent(body: bytes, headers: Headers, answer: Answer | None) -> RawReply:
    steps = "" if answer is None else f"read;dur={answer.read_ms:.2f}, rank;dur={answer.rank_ms:.2f}"
    return RawReply(200, list(headers), body, steps)


def _given(entry: Entry, answer: Answer | None, if_none_match: str | None) -> RawReply:
    headers: Headers = (
        *entry.headers,
        (b"rayce-cache", entry.state.encode()),
        (b"age", b"%d" % int(entry.age_s)),
    )
    if if_none_match and is_known(if_none_match, etag_of(entry.body)):
        return RawReply(NOT_MODIFIED, list(not_modified(headers)), b"")
    return _sent(entry.body, headers, answer)
