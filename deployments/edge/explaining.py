"""`GET /v1/users/{user_id}/segments`: which segments, and with `explain=true` why. Models are loaded when first asked for."""

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.requests import path_id, read_query, reply
from deployments.edge.schemas import Moment, Segments
from deployments.edge.users import MAX_USER_ID, segments_of, unknown_user, within_s
from rayce.consent import UNKNOWN
from rayce.errors import RayceError
from rayce.generations import generation_name
from rayce.profile import Profile, decode_profile
from rayce.segments.catalogue import Catalogue
from rayce.segments.explanation import Why, explain

if TYPE_CHECKING:
    from rayce.model import Model

SEGMENT_MODEL = "segment-model"
MAX_MODELS = 64
EXPLAIN_WITHIN_S = 5.0


class SegmentsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query: the moment to answer for, and whether to say why."""

    at: Moment | None = None
    explain: bool = False


class Explainer:
    """Answers the call; keeps the models that explanations have needed, each in its live generation."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[int, Model]] = {}
        self._lock = threading.Lock()  # a model must not be asked by two threads at once

    async def get_segments(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """Names and bits in force; 404 where nothing may be known of the user; empty when no store answers.

        With `explain=true` also why: the outcome of every node of every rule with the values seen, the scores of models
        with the features that moved them most, and where a stored flag is not what would be said now.
        """
        user = path_id(request, "user_id", MAX_USER_ID)
        asked = read_query(request, SegmentsQuery) if request.scope["query_string"] else SegmentsQuery()
        now_ms = edge.now_ms() if asked.at is None else asked.at
        found, rung = await segments_of(edge, caller, user, now_ms)
        if asked.explain and rung == "live":
            found = await self._explained(edge, caller, user, found, now_ms)
        return reply(found, headers={"rayce-served": rung})

    async def _explained(self, edge: Edge, caller: Caller, user: str, found: Segments, now_ms: int) -> Segments:
        state = await edge.people.state(edge.pseudonymizer.person(caller.tenant, user), within_s(edge))
        if state.consent is UNKNOWN or state.value is None:
            raise unknown_user(user)
        profile, catalogue = decode_profile(state.value), edge.catalogue
        live = {name: edge.live.get(caller.tenant, f"{SEGMENT_MODEL}.{name}") for name in catalogue.models}
        wanted = {
            generation_name(caller.tenant, f"{SEGMENT_MODEL}.{name}"): (name, loaded.number)
            for name, loaded in live.items()
            if loaded is not None
        }
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(EXPLAIN_WITHIN_S):
                why = await loop.run_in_executor(edge.executor, self._explain, edge, wanted, profile, now_ms, catalogue)
        except TimeoutError:
            why = explain(profile, now_ms, catalogue, {})
        return replace(found, explanation=why or UNSET)

    def _explain(
        self,
        edge: Edge,
        wanted: Mapping[str, tuple[str, int]],
        profile: Profile,
        now_ms: int,
        catalogue: Catalogue,
    ) -> list[Why]:
        with self._lock:
            models = {}
            for generation, (name, number) in wanted.items():
                model = self._model(edge, generation, number)
                if model is not None:
                    models[name] = model
            return explain(profile, now_ms, catalogue, models)

    def _model(self, edge: Edge, generation: str, number: int) -> "Model | None":
        """None where it cannot be had now: the explanation then does without."""
        kept = self._models.get(generation)
        if kept is not None and kept[0] == number:
            return kept[1]
        from rayce.model import load_segment_model  # LightGBM: only in replicas that explain

        try:
            model = load_segment_model(edge.durable.load_generation(generation, number), edge.features)
        except RayceError:
            edge.metrics.add("rayce_failures_total", 1, "segment_models")
            return None
        while len(self._models) >= MAX_MODELS:
            del self._models[next(iter(self._models))]
        self._models[generation] = (number, model)
        return model
